"""Of everything that was recorded: no input weighed more than its bound, and no answer more than it was allowed."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.recorded import Exchange, exchanges
from torouter.canon.reasoning import ModelFacts
from torouter.codecs import CODECS, BrokenStream, Framing
from torouter.ledger.bounds import MAX_CONTEXT_TOKENS, unbounded_field
from torouter.ledger.holds import worst_tokens
from torouter.units import Dialect, Operation

SPOKEN: dict[str, tuple[Dialect, Operation]] = {
    "openai-chat": ("openai-chat", "chat"),
    "openai-embeddings": ("openai-chat", "embeddings"),
    "openai-responses": ("openai-responses", "chat"),
    "anthropic-messages": ("anthropic", "chat"),
    "gemini": ("gemini", "chat"),
    "gemini-embed": ("gemini", "embeddings"),
}
ANSWERED = [exchange for protocol in SPOKEN for exchange in exchanges(protocol) if exchange.status == 200]
UNLIMITED = ModelFacts(max_output_tokens=10**9)


def framing_of(exchange: Exchange) -> Framing:
    if not exchange.is_stream:
        return "whole"
    return "array" if exchange.response_body.lstrip().startswith(b"[") else "sse"


@pytest.mark.parametrize("exchange", ANSWERED, ids=lambda exchange: exchange.label)
def test_what_was_used_is_within_the_bound(exchange: Exchange) -> None:
    dialect, operation = SPOKEN[exchange.protocol]
    codec = CODECS[dialect]
    tap = codec.tap(operation, framing_of(exchange))
    with suppress(BrokenStream):  # one ends without a reason, when all else has been said
        tap.feed(exchange.response_body)
    used = tap.usage()
    ceiling = codec.ceiling(operation, exchange.request_body)
    worst = worst_tokens(operation, exchange.request_body, ceiling.output_tokens, UNLIMITED, ceiling.choices)
    if worst is None:
        assert unbounded_field(exchange.request_body) is not None
        return
    assert used.total_input_tokens <= worst[0]
    assert used.total_output_tokens <= worst[1]


def test_most_of_what_was_recorded_has_a_bound_of_use() -> None:
    """And what has none has a tool or a search of the provider's in it."""
    bounds = [worst_tokens("chat", exchange.request_body, 1, UNLIMITED) for exchange in ANSWERED]
    assert sum(bound is None for bound in bounds) == 42
    assert sum(bound is not None and bound[0] == MAX_CONTEXT_TOKENS for bound in bounds) == 7
    assert len(ANSWERED) == 142
