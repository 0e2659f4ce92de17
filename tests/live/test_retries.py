"""What SDKs do about 429 and 5xx that come through the gateway, and when `Retry-After` says to come back."""

from __future__ import annotations

from itertools import pairwise

import anthropic
import openai
import pytest
from anthropic import Anthropic
from google import genai
from google.genai import errors, types
from openai import OpenAI

from tests.live.conftest import Launch
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.slots import Slot
from tests.live.upstream import Answer, Upstream, json_answer, recorded_answer

MODEL = "fragile"

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


def _fragile(launch: Launch, upstream: Upstream, dialect: str, *answers: Answer) -> tuple[Gateway, Slot]:
    """A gateway of its own, because a failing channel is left alone for a while."""
    slot = Slot(MODEL, f"vendor-fragile-{dialect}", upstream).script(*answers)
    return launch({dialect: {MODEL: slot.upstream_model}}), slot


def _assert_waited(slot: Slot, seconds: float) -> None:
    assert all(later.at - earlier.at > seconds for earlier, later in pairwise(slot.visits))


def test_openai_waits_as_told_and_is_answered(launch: Launch, upstream: Upstream) -> None:
    gateway, slot = _fragile(launch, upstream, "openai-chat", BUSY, CHAT)
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=FIRST_KEY, max_retries=2) as client:
        assert client.chat.completions.create(model=MODEL, messages=HI).choices
    assert len(slot.visits) == 2
    _assert_waited(slot, 0.9)


def test_openai_rate_limit_error(launch: Launch, upstream: Upstream) -> None:
    gateway, _ = _fragile(launch, upstream, "openai-chat", BUSY)
    with (
        OpenAI(base_url=f"{gateway.url}/v1", api_key=FIRST_KEY, max_retries=0) as client,
        pytest.raises(openai.RateLimitError) as caught,
    ):
        client.chat.completions.create(model=MODEL, messages=HI)
    assert caught.value.response.headers["retry-after"] == "1"
    assert "slow down" in caught.value.message


def test_openai_server_error_then_an_answer(launch: Launch, upstream: Upstream) -> None:
    gateway, slot = _fragile(launch, upstream, "openai-chat", BROKEN, CHAT)
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=FIRST_KEY, max_retries=2) as client:
        assert client.chat.completions.create(model=MODEL, messages=HI).choices
    assert len(slot.visits) == 2


def test_openai_server_error_for_ever(launch: Launch, upstream: Upstream) -> None:
    gateway, _ = _fragile(launch, upstream, "openai-chat", BROKEN)
    with (
        OpenAI(base_url=f"{gateway.url}/v1", api_key=FIRST_KEY, max_retries=0) as client,
        pytest.raises(openai.InternalServerError) as caught,
    ):
        client.chat.completions.create(model=MODEL, messages=HI)
    assert caught.value.status_code == 502
    assert caught.value.type == "upstream_unavailable"
    assert "oh" in caught.value.message


def test_anthropic_waits_as_told_and_is_answered(launch: Launch, upstream: Upstream) -> None:
    gateway, slot = _fragile(launch, upstream, "anthropic", BUSY_ANTHROPIC, MESSAGE)
    with Anthropic(base_url=gateway.url, api_key=FIRST_KEY, max_retries=2) as client:
        assert client.messages.create(model=MODEL, max_tokens=1, messages=HI).content
    assert len(slot.visits) == 2
    _assert_waited(slot, 0.9)


def test_anthropic_rate_limit_error(launch: Launch, upstream: Upstream) -> None:
    gateway, _ = _fragile(launch, upstream, "anthropic", BUSY_ANTHROPIC)
    with (
        Anthropic(base_url=gateway.url, api_key=FIRST_KEY, max_retries=0) as client,
        pytest.raises(anthropic.RateLimitError) as caught,
    ):
        client.messages.create(model=MODEL, max_tokens=1, messages=HI)
    assert caught.value.response.headers["retry-after"] == "1"
    body = caught.value.body
    assert isinstance(body, dict)
    assert body["error"]["type"] == "rate_limit_error"


def test_anthropic_server_error_for_ever(launch: Launch, upstream: Upstream) -> None:
    gateway, _ = _fragile(launch, upstream, "anthropic", BROKEN)
    with (
        Anthropic(base_url=gateway.url, api_key=FIRST_KEY, max_retries=0) as client,
        pytest.raises(anthropic.InternalServerError) as caught,
    ):
        client.messages.create(model=MODEL, max_tokens=1, messages=HI)
    assert caught.value.status_code == 502


def test_genai_retries_when_asked_to(launch: Launch, upstream: Upstream) -> None:
    busy = json_answer({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}, status=429)
    gateway, slot = _fragile(launch, upstream, "gemini", busy, recorded_answer("gemini/json/020"))
    options = types.HttpOptions(
        base_url=gateway.url, retry_options=types.HttpRetryOptions(attempts=3, initial_delay=0.1, max_delay=0.2)
    )
    with genai.Client(api_key=FIRST_KEY, http_options=options) as client:
        assert client.models.generate_content(model=MODEL, contents="hi").text
    assert len(slot.visits) == 2


def test_genai_errors(launch: Launch, upstream: Upstream) -> None:
    busy = json_answer({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}, status=429)
    gateway, _ = _fragile(launch, upstream, "gemini", busy, BROKEN)
    with genai.Client(api_key=FIRST_KEY, http_options=types.HttpOptions(base_url=gateway.url)) as client:
        with pytest.raises(errors.ClientError) as refused:
            client.models.generate_content(model=MODEL, contents="hi")
        with pytest.raises(errors.ServerError) as broken:
            client.models.generate_content(model=MODEL, contents="hi")
    assert (refused.value.code, refused.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert broken.value.code == 502
