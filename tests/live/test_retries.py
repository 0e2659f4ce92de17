"""What SDKs do about 429 and 5xx that come through the gateway, and when `Retry-After` says to come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import anthropic
import openai
import pytest
from anthropic import Anthropic
from google import genai
from google.genai import errors, types
from openai import OpenAI

from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.slots import DIALECTS, Slot, channels_to
from tests.live.upstream import Answer, Upstream, json_answer, recorded_answer

CHANNELS_PER_DIALECT = 5

Fragile = Callable[..., Slot]

BUSY = json_answer(
    {"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}},
    status=429,
    headers=[("retry-after", "1")],
)
BUSY_ANTHROPIC = json_answer(
    {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}},
    status=429,
    headers=[("retry-after", "1")],
)
BROKEN = json_answer({"error": {"message": "oh", "type": "server_error"}}, status=500)
CHAT = recorded_answer("openai-chat/json/017")
MESSAGE = recorded_answer("anthropic-messages/json/008")
HI = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def fragile_gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A channel for each test, because a failing channel is left alone for a while."""
    channels = [
        {**channel, "name": f"{channel['name']}-{number}"}
        for number in range(CHANNELS_PER_DIALECT)
        for channel in channels_to(upstream, {dialect: _names(dialect, number) for dialect in DIALECTS})
    ]
    # The SDKs are to try again, and not the gateway.
    with Gateway(tmp_path_factory.mktemp("fragile"), channels=channels, upstream={"retry_s": 0}) as running:
        yield running


def _names(dialect: str, number: int) -> dict[str, str]:
    return {f"fragile-{dialect}-{number}": f"vendor-fragile-{dialect}-{number}"}


@pytest.fixture(scope="module")
def _numbers() -> dict[str, Iterator[int]]:
    return {dialect: iter(range(CHANNELS_PER_DIALECT)) for dialect in DIALECTS}


@pytest.fixture
def fragile(upstream: Upstream, _numbers: dict[str, Iterator[int]]) -> Fragile:
    """`fragile("anthropic", answer, …)`: a model on a channel that has not failed yet."""

    def taken(dialect: str, *answers: Answer) -> Slot:
        [(model, theirs)] = _names(dialect, next(_numbers[dialect])).items()
        return Slot(model, theirs, upstream).script(*answers)

    return taken


def _assert_waited(slot: Slot, seconds: float) -> None:
    assert all(later.at - earlier.at > seconds for earlier, later in pairwise(slot.visits))


def test_openai_waits_as_told_and_is_answered(fragile_gateway: Gateway, fragile: Fragile) -> None:
    slot = fragile("openai-chat", BUSY, CHAT)
    with OpenAI(base_url=f"{fragile_gateway.url}/v1", api_key=FIRST_KEY, max_retries=2) as client:
        assert client.chat.completions.create(model=slot.model, messages=HI).choices
    assert len(slot.visits) == 2
    _assert_waited(slot, 0.9)


def test_openai_rate_limit_error(fragile_gateway: Gateway, fragile: Fragile) -> None:
    slot = fragile("openai-chat", BUSY)
    with (
        OpenAI(base_url=f"{fragile_gateway.url}/v1", api_key=FIRST_KEY, max_retries=0) as client,
        pytest.raises(openai.RateLimitError) as caught,
    ):
        client.chat.completions.create(model=slot.model, messages=HI)
    assert caught.value.response.headers["retry-after"] == "1"
    assert "slow down" in caught.value.message


def test_openai_server_error_then_an_answer(fragile_gateway: Gateway, fragile: Fragile) -> None:
    slot = fragile("openai-chat", BROKEN, CHAT)
    with OpenAI(base_url=f"{fragile_gateway.url}/v1", api_key=FIRST_KEY, max_retries=2) as client:
        assert client.chat.completions.create(model=slot.model, messages=HI).choices
    assert len(slot.visits) == 2


def test_openai_server_error_for_ever(fragile_gateway: Gateway, fragile: Fragile) -> None:
    slot = fragile("openai-chat", BROKEN)
    with (
        OpenAI(base_url=f"{fragile_gateway.url}/v1", api_key=FIRST_KEY, max_retries=0) as client,
        pytest.raises(openai.InternalServerError) as caught,
    ):
        client.chat.completions.create(model=slot.model, messages=HI)
    assert caught.value.status_code == 502
    assert caught.value.type == "upstream_unavailable"
    assert "oh" in caught.value.message


def test_anthropic_waits_as_told_and_is_answered(fragile_gateway: Gateway, fragile: Fragile) -> None:
    slot = fragile("anthropic", BUSY_ANTHROPIC, MESSAGE)
    with Anthropic(base_url=fragile_gateway.url, api_key=FIRST_KEY, max_retries=2) as client:
        assert client.messages.create(model=slot.model, max_tokens=1, messages=HI).content
    assert len(slot.visits) == 2
    _assert_waited(slot, 0.9)


def test_anthropic_rate_limit_error(fragile_gateway: Gateway, fragile: Fragile) -> None:
    slot = fragile("anthropic", BUSY_ANTHROPIC)
    with (
        Anthropic(base_url=fragile_gateway.url, api_key=FIRST_KEY, max_retries=0) as client,
        pytest.raises(anthropic.RateLimitError) as caught,
    ):
        client.messages.create(model=slot.model, max_tokens=1, messages=HI)
    assert caught.value.response.headers["retry-after"] == "1"
    body = caught.value.body
    assert isinstance(body, dict)
    assert body["error"]["type"] == "rate_limit_error"


def test_anthropic_server_error_for_ever(fragile_gateway: Gateway, fragile: Fragile) -> None:
    slot = fragile("anthropic", BROKEN)
    with (
        Anthropic(base_url=fragile_gateway.url, api_key=FIRST_KEY, max_retries=0) as client,
        pytest.raises(anthropic.InternalServerError) as caught,
    ):
        client.messages.create(model=slot.model, max_tokens=1, messages=HI)
    assert caught.value.status_code == 502


def test_genai_retries_when_asked_to(fragile_gateway: Gateway, fragile: Fragile) -> None:
    busy = json_answer({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}, status=429)
    slot = fragile("gemini", busy, recorded_answer("gemini/json/020"))
    options = types.HttpOptions(
        base_url=fragile_gateway.url, retry_options=types.HttpRetryOptions(attempts=3, initial_delay=0.1, max_delay=0.2)
    )
    with genai.Client(api_key=FIRST_KEY, http_options=options) as client:
        assert client.models.generate_content(model=slot.model, contents="hi").text
    assert len(slot.visits) == 2


def test_genai_errors(fragile_gateway: Gateway, fragile: Fragile) -> None:
    busy = json_answer({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}, status=429)
    slot = fragile("gemini", busy, BROKEN)
    with genai.Client(api_key=FIRST_KEY, http_options=types.HttpOptions(base_url=fragile_gateway.url)) as client:
        with pytest.raises(errors.ClientError) as refused:
            client.models.generate_content(model=slot.model, contents="hi")
        with pytest.raises(errors.ServerError) as broken:
            client.models.generate_content(model=slot.model, contents="hi")
    assert (refused.value.code, refused.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert broken.value.code == 502
