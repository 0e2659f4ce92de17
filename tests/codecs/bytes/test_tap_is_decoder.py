"""The law that a tap and a decoder agree on usage, over everything recorded of the dialects that have both."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.recorded import Exchange, exchanges
from torouter.canon.events import Fault, UsageSeen
from torouter.canon.usage import Usage
from torouter.codecs import CODECS, BrokenStream, Framing
from torouter.units import Dialect

DIALECT_OF: dict[str, Dialect] = {
    "openai-chat": "openai-chat",
    "openai-responses": "openai-responses",
    "anthropic-messages": "anthropic",
}
ANSWERS = [exchange for protocol in DIALECT_OF for exchange in exchanges(protocol) if exchange.status == 200]


@pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange.label)
def test_a_tap_sees_what_the_decoder_sees(exchange: Exchange) -> None:
    codec = CODECS[DIALECT_OF[exchange.protocol]]
    framing: Framing = "sse" if exchange.is_stream else "whole"
    assert codec.translation is not None
    decoder = codec.translation.decoder(framing)
    events = [*decoder.feed(exchange.response_body), *decoder.close()]
    tap = codec.tap("chat", framing)
    with suppress(BrokenStream):
        tap.feed(exchange.response_body)
    seen = [event.usage for event in events if isinstance(event, UsageSeen)]
    if any(isinstance(event, Fault) for event in events):
        # an error chunk; no finish reason at all; an answer that is still in a queue
        assert exchange.label in ("openai-chat.s014", "openai-chat.s015", "openai-responses.j013")
        return
    assert tap.is_finished
    assert tap.usage() == (seen[-1] if seen else Usage())
