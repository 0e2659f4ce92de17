"""A whole answer loses what its stream loses: of every recorded answer, for every client of another dialect."""

from __future__ import annotations

import pytest

from tests.recorded import Exchange, exchanges
from torouter.canon.events import Event
from torouter.canon.fold import fold
from torouter.codecs import CODECS, AnswerOptions, Framing, answer_losses
from torouter.units import Dialect

FOLDERS: dict[str, Dialect] = {
    "openai-chat": "openai-chat",
    "openai-responses": "openai-responses",
    "anthropic-messages": "anthropic",
    "gemini": "gemini",
}
ANSWERS = [
    (FOLDERS[folder], exchange) for folder in FOLDERS for exchange in exchanges(folder) if exchange.status == 200
]


def framing_of(exchange: Exchange) -> Framing:
    if not exchange.is_stream:
        return "whole"
    return "array" if exchange.response_body.lstrip().startswith(b"[") else "sse"


def events_of(upstream: Dialect, exchange: Exchange) -> list[Event]:
    translation = CODECS[upstream].translation
    assert translation is not None
    decoder = translation.decoder(framing_of(exchange))
    return [*decoder.feed(exchange.response_body), *decoder.close()]


def losses_of(events: list[Event], upstream: Dialect, client: Dialect, *, is_whole: bool) -> set[tuple[str, str]]:
    options = AnswerOptions(framing="whole" if is_whole else "sse", model="m", seed="s", created_s=1)
    if is_whole:
        losses = answer_losses(fold(events, upstream), client, options)
    else:
        translation = CODECS[client].translation
        assert translation is not None
        encoder = translation.encoder(options)
        for event in events:
            encoder.feed(event)
        losses = encoder.losses
    return {(loss.field, loss.what) for loss in losses}


@pytest.mark.parametrize("client", CODECS)
@pytest.mark.parametrize(("upstream", "exchange"), ANSWERS, ids=lambda value: getattr(value, "label", str(value)))
def test_whole_and_stream_lose_the_same(upstream: Dialect, exchange: Exchange, client: Dialect) -> None:
    events = events_of(upstream, exchange)
    streamed = losses_of(events, upstream, client, is_whole=False)
    whole = losses_of(events, upstream, client, is_whole=True)
    assert streamed == whole


def test_the_recordings_show_losses_of_every_sort() -> None:
    """Without any, the test above would compare nothing with nothing."""
    found = {
        loss
        for upstream, exchange in ANSWERS
        for client in CODECS
        if client != upstream
        for loss in losses_of(events_of(upstream, exchange), upstream, client, is_whole=True)
    }
    fields = {field for field, _ in found}
    assert {"signature", "citations", "server_tool_use", "executableCode"} <= fields
