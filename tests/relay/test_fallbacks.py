"""Another model in place of the one that was asked for: only where somebody named it, and never without saying so."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from tests.relay.answers import asking, frames_of, streamed, whole
from tests.relay.stage import GROUP, KEY, Handler, Stage, json_reply, stage
from tests.relay.test_failover import STOPS, failing, good
from torouter.ledger.rates import Price, Rates
from torouter.routing.fallbacks import Fallbacks
from torouter.units import Dialect

PATH = "/v1/chat/completions"
CHAT = {"model": "big", "messages": [{"role": "user", "content": "hi"}]}
MODELS: Mapping[str, Mapping[str, str]] = {"a": {"big": "up-big"}, "b": {"small": "small"}, "c": {"long": "up-long"}}
NAMED = {"big": Fallbacks(context_length=("long",), outage=("small", "long"))}
TOO_LONG = failing(400, {"message": "m", "code": "context_length_exceeded"})


def names(on: Stage) -> list[str]:
    return [name for name, _ in on.asked]


async def test_after_an_outage_the_first_named_model_serves() -> None:
    handlers = {"a": failing(401), "b": good, "c": good}
    async with stage(handlers, channel_models=MODELS, fallbacks=NAMED) as on:
        answer = await on.post(PATH, CHAT)
        assert (answer.status, answer.headers[b"x-torouter-model"]) == (200, b"small")
        assert names(on) == ["a", "b"]
        assert b'"model":"small"' in on.asked[1][1].body.replace(b" ", b"")
        [entry] = await on.settled()
        assert (entry.usage.model, entry.usage.upstream_model, entry.usage.channel) == ("small", "small", "b")
        assert [(row.channel, row.left_for) for row in entry.attempts] == [("a", "bad_credential"), ("b", "")]


async def test_a_prompt_that_is_too_long_goes_to_a_larger_model() -> None:
    async with stage({"a": TOO_LONG, "b": good, "c": good}, channel_models=MODELS, fallbacks=NAMED) as on:
        answer = await on.post(PATH, CHAT)
        assert (answer.status, answer.headers[b"x-torouter-model"], names(on)) == (200, b"long", ["a", "c"])


async def test_nobody_stands_in_unless_named() -> None:
    for first in (failing(401), TOO_LONG):
        async with stage({"a": first, "b": good, "c": good}, channel_models=MODELS) as on:
            assert (await on.post(PATH, CHAT)).status >= 400
            assert names(on) == ["a"]


@pytest.mark.parametrize("fault", sorted({*STOPS} - {"context length"}))
async def test_what_is_refused_is_not_routed_around(fault: str) -> None:
    first, status, _ = STOPS[fault]
    async with stage({"a": first, "b": good, "c": good}, channel_models=MODELS, fallbacks=NAMED) as on:
        answer = await on.post(PATH, CHAT)
        assert (answer.status, names(on)) == (status, ["a"])
        assert b"x-torouter-model" not in answer.headers


@pytest.mark.parametrize(
    "second", [failing(400), failing(503), failing(403, {"message": "It was flagged for x"}), TOO_LONG]
)
async def test_one_that_is_asked_in_vain_has_not_the_last_word(second: Handler) -> None:
    """A prefill that it does not take, say: the next is asked, and in the end the first failure is told."""
    async with stage({"a": failing(429), "b": second, "c": good}, channel_models=MODELS, fallbacks=NAMED) as on:
        answer = await on.post(PATH, CHAT)
        assert (answer.status, answer.headers[b"x-torouter-model"]) == (200, b"long")
    async with stage({"a": failing(429), "b": second, "c": second}, channel_models=MODELS, fallbacks=NAMED) as on:
        answer = await on.post(PATH, CHAT)
        assert answer.status == 429
        assert b"x-torouter-model" not in answer.headers
        [entry] = await on.settled()
        assert (entry.usage.model, entry.usage.status) == ("big", 429)
        assert len(on.asked) <= 6


async def test_a_name_counts_once_and_fields_add_up() -> None:
    handlers = {"a": failing(401), "b": failing(401), "c": good}
    async with stage(handlers, channel_models=MODELS) as on:
        lines = b"".join(b"x-torouter-fallbacks: %b\r\n" % each for each in (b"small, small, small, small", b"long"))
        answer = await on.raw(
            on.request(PATH, CHAT).replace(b"host: h\r\n", b"host: h\r\nconnection: close\r\n" + lines)
        )
        assert (answer.status, answer.headers[b"x-torouter-model"]) == (200, b"long")
        assert names(on) == ["a", "b", "c"]


async def test_a_request_names_its_own() -> None:
    handlers = {"a": failing(401), "b": good, "c": good}
    async with stage(handlers, channel_models=MODELS, fallbacks=NAMED) as on:
        answer = await on.post(PATH, CHAT, {"x-torouter-fallbacks": "unknown, big, long"})
        assert (answer.headers[b"x-torouter-model"], names(on)) == (b"long", ["a", "c"])
        assert all(b"fallbacks" not in request.head for _, request in on.asked)
        answer = await on.post(PATH, CHAT, {"x-torouter-fallbacks": ""})
        assert (answer.status, names(on)[2:]) == (502, ["a"])


async def test_a_groups_own_win() -> None:
    group = replace(GROUP, fallbacks={"big": Fallbacks(outage=("long",))})
    handlers = {"a": failing(401), "b": good, "c": good}
    async with stage(handlers, channel_models=MODELS, fallbacks=NAMED, group=group) as on:
        assert (await on.post(PATH, CHAT)).headers[b"x-torouter-model"] == b"long"


async def test_a_key_gets_no_model_that_it_may_not_use() -> None:
    handlers = {"a": failing(401), "b": good, "c": good}
    key = replace(KEY, models=frozenset({"big", "long"}))
    async with stage(handlers, channel_models=MODELS, fallbacks=NAMED, key=key) as on:
        assert (await on.post(PATH, CHAT)).headers[b"x-torouter-model"] == b"long"
    group = replace(GROUP, models=frozenset({"big"}))
    async with stage(handlers, channel_models=MODELS, fallbacks=NAMED, group=group) as on:
        assert ((await on.post(PATH, CHAT)).status, names(on)) == (502, ["a"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("upstream", ["openai-chat", "anthropic"])
async def test_another_dialect_and_a_stream(upstream: Dialect, stream: bool) -> None:
    """The body of a translated answer names the model too."""
    path, body = asking("openai-chat", stream=stream)
    given = streamed(*frames_of(upstream)) if stream else json_reply(200, whole(upstream))
    dialects: dict[str, tuple[Dialect, ...]] = {"a": ("openai-chat",), "b": (upstream,), "c": (upstream,)}
    handlers: dict[str, Handler] = {"a": failing(402), "b": lambda _: given, "c": lambda _: given}
    async with stage(handlers, channel_models=MODELS, fallbacks=NAMED, dialects=dialects) as on:
        answer = await on.post(path, {**body, "model": "big"})
        assert (answer.status, answer.headers[b"x-torouter-model"]) == (200, b"small")
        assert b"word number 39" in answer.body
        if upstream == "anthropic":
            assert b'"model":"small"' in answer.body.replace(b" ", b"")


async def test_a_fallback_thinks_as_was_asked_for() -> None:
    models = {"a": {"gpt-5": "gpt-5"}, "b": {"gpt-5-mini": "gpt-5-mini"}}
    named = {"gpt-5": Fallbacks(outage=("gpt-5-mini",))}
    async with stage({"a": failing(401), "b": good}, channel_models=models, fallbacks=named) as on:
        answer = await on.post(PATH, {**CHAT, "model": "gpt-5-thinking-high"})
        assert answer.headers[b"x-torouter-model"] == b"gpt-5-mini"
        assert b'"reasoning_effort":"high"' in on.asked[1][1].body.replace(b" ", b"")


class ByModel:
    """Prices of the models that clients name."""

    def find(self, kind: str, channel: str, upstream_model: str, model: str, at_ms: int) -> Price | None:
        nusd = {"big": 1_000_000, "small": 5_000_000, "long": 10_000_000}[model]
        return Price(f"of-{model}", Rates(input_per_mtok=nusd, output_per_mtok=nusd))


async def test_the_bill_is_of_the_model_that_served() -> None:
    handlers = {"a": failing(401), "b": good, "c": good}
    async with stage(handlers, channel_models=MODELS, fallbacks=NAMED, charged=ByModel()) as on:
        assert (await on.post(PATH, CHAT)).status == 200
        [entry] = await on.settled()
        assert (entry.usage.price_version, entry.usage.cost_nusd) == ("of-small", 5 * 5)
        assert [(row.amount_nusd, row.cost_nusd) for row in entry.attempts] == [(0, 0), (-25, 25)]
