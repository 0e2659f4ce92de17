"""Other models in the place of one that cannot serve: where the operator, or the request, has named them."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.live.faults import FIRST, SECOND, good
from tests.live.gateway import Gateway
from tests.live.provider_errors import refusal
from tests.live.records import records
from tests.live.scripted import FIRST_TEXT, SECOND_TEXT, channel
from tests.live.sdks import Sdks, opened_sdks
from tests.live.upstream import Answer, Upstream
from torouter.store import UsageFilter

CHAT = "openai-chat"
MODELS = ["small", "fragile", "asked-for", "filtered", "bare", "large", "other"]
FALLBACKS = {
    "small": {"context_length": ["large"]},
    "fragile": {"outage": ["other"]},
    "filtered": {"context_length": ["large"], "outage": ["other"]},
}


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    channels = [channel(f"on-{model}", CHAT, upstream.origin, {model: f"fallback.{model}"}) for model in MODELS]
    upstream.script("fallback.large", good(CHAT, False, FIRST))
    upstream.script("fallback.other", good(CHAT, False, SECOND))
    folder = tmp_path_factory.mktemp("fallbacks")
    with Gateway(folder, channels=channels, fallbacks=FALLBACKS, upstream={"retry_s": 1}) as running:
        yield running


@pytest.fixture(scope="module")
def sdks(gateway: Gateway) -> Iterator[Sdks]:
    with opened_sdks(gateway.url) as opened:
        yield opened


def _script(upstream: Upstream, model: str, answer: Answer) -> None:
    upstream.script(f"fallback.{model}", answer)


def test_a_prompt_that_is_too_long_goes_to_the_larger_model(gateway: Gateway, sdks: Sdks, upstream: Upstream) -> None:
    """And the bill names the model that served."""
    _script(upstream, "small", refusal(CHAT, "long", 400))
    outcome = sdks.ask(CHAT, "small")
    assert outcome.is_answer, outcome
    assert outcome.text == FIRST_TEXT
    [record, *_] = records(gateway.data, 1, wanted=UsageFilter(model="large"))
    assert record.usage.upstream_model == "fallback.large"
    assert record.channels == ["on-small", "on-large"]
    assert record.left_for == ["context_length", ""]


def test_an_outage_goes_to_another_model(sdks: Sdks, upstream: Upstream) -> None:
    _script(upstream, "fragile", refusal(CHAT, "busy", 503))
    outcome = sdks.ask(CHAT, "fragile")
    assert (outcome.is_answer, outcome.text) == (True, SECOND_TEXT)


def test_the_request_may_name_them(sdks: Sdks, upstream: Upstream) -> None:
    _script(upstream, "asked-for", refusal(CHAT, "busy", 503))
    outcome = sdks.ask(CHAT, "asked-for", headers={"x-torouter-fallbacks": "other, large"})
    assert (outcome.is_answer, outcome.text) == (True, SECOND_TEXT)


def test_the_answer_names_the_model_that_served(sdks: Sdks, upstream: Upstream) -> None:
    """A translated one in its body too."""
    _script(upstream, "small", refusal(CHAT, "long", 400))
    raw = sdks.openai.chat.completions.with_raw_response.create(
        model="small", messages=[{"role": "user", "content": "hi"}]
    )
    assert raw.headers["x-torouter-model"] == "large"
    assert sdks.ask("anthropic", "small").model == "large"


def test_nobody_named_any(sdks: Sdks, upstream: Upstream) -> None:
    _script(upstream, "bare", refusal(CHAT, "long", 400))
    outcome = sdks.ask(CHAT, "bare")
    assert isinstance(outcome.error, openai.BadRequestError)


def test_a_rejected_prompt_is_not_routed_around(sdks: Sdks, upstream: Upstream) -> None:
    _script(upstream, "filtered", refusal(CHAT, "policy", 400))
    before = len(upstream.visits("fallback.other")) + len(upstream.visits("fallback.large"))
    outcome = sdks.ask(CHAT, "filtered", headers={"x-torouter-fallbacks": "other"})
    assert isinstance(outcome.error, openai.BadRequestError)
    assert len(upstream.visits("fallback.other")) + len(upstream.visits("fallback.large")) == before
