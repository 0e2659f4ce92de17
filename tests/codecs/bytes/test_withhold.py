"""The usage chunk that we asked for is withheld; every other byte goes on, at once."""

from __future__ import annotations

import pytest

from tests.recorded import Exchange, exchanges, frames
from torouter.codecs import CODECS, ByteFilter
from torouter.codecs.openai_chat.withhold import UsageFilter

STREAMS = [exchange for exchange in exchanges("openai-chat") if exchange.is_stream and exchange.status == 200]
HELLO = b'data: {"choices":[{"index":0,"delta":{"content":"\\"usage\\":{}, \\"choices\\":[]"}}]}\n\n'
COUNT = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'
DONE = b"data: [DONE]\n\n"


def made() -> ByteFilter:
    make = CODECS["openai-chat"].withhold_usage
    assert make is not None
    return make()


def filtered(pieces: list[bytes]) -> bytes:
    usage_filter = made()
    return b"".join([usage_filter.feed(piece) for piece in pieces] + [usage_filter.close()])


def test_only_chat_has_such_a_chunk() -> None:
    assert [dialect for dialect, codec in CODECS.items() if codec.withhold_usage is not None] == ["openai-chat"]


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange.label)
@pytest.mark.pitfall(34)
def test_recorded_streams_lose_that_chunk_and_nothing_else(exchange: Exchange) -> None:
    raw = exchange.response_body
    expected = b"".join(frame for frame in frames(raw) if not (b'"choices":[]' in frame and b'"usage":{' in frame))
    pieces = [[raw], list(frames(raw))]
    pieces += [[raw[n : n + size] for n in range(0, len(raw), size)] for size in (1, 7, 100, 1000)]
    for cut in pieces:
        assert filtered(cut) == expected


def test_some_recordings_have_the_chunk() -> None:
    shortened = [exchange for exchange in STREAMS if filtered([exchange.response_body]) != exchange.response_body]
    assert len(shortened) >= 5


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n"])
def test_any_line_end_and_any_cut(end: bytes) -> None:
    hello, count, done = (event.replace(b"\n\n", end) for event in (HELLO, COUNT, DONE))
    raw = b": comment" + end + hello + count + hello + done
    for at in range(len(raw) + 1):
        assert filtered([raw[:at], raw[at:]]) == b": comment" + end + hello + hello + done


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n',
        b'data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}\n\n',
        b'data: {"choices":[],"usage":null,"prompt_filter_results":[]}\n\n',
        b'data: {"choices":[]}\n\n',
        b'data: {"choices":[],"usage":{"prompt_tokens":1},"error":{"message":"x"}}\n\n',
        b'data: {"choices":[{"delta":{"tool_calls":[{"usage":{}}]}}]}\n\n',
        b'data: {"choices":[],"usage":{"prompt_tokens":1\n\n',
        b'data: "usage"\n\n',
        b': "usage"\n\n',
        b"\n\n",
        HELLO,
        DONE,
    ],
)
def test_what_stays(event: bytes) -> None:
    assert filtered([event]) == event
    assert filtered([HELLO + event + DONE]) == HELLO + event + DONE


@pytest.mark.parametrize(
    "event",
    [
        COUNT,
        b'event: x\nid: 1\ndata: {"usage": {"prompt_tokens":1}, "choices": [ ]}\n\n',
        b'data:{"choices":null,"usage":{"prompt_tokens":1}}\n\n',
        b'data: {"usage":{"prompt_tokens":1}}\n\n',
    ],
)
def test_what_goes(event: bytes) -> None:
    assert filtered([HELLO + event + DONE]) == HELLO + DONE
    assert filtered([HELLO, event.rstrip(b"\n")]) == HELLO


def test_nothing_is_held_but_an_unfinished_event() -> None:
    usage_filter = made()
    assert usage_filter.feed(HELLO) is HELLO
    assert usage_filter.feed(HELLO + HELLO[:20]) == HELLO
    assert usage_filter.feed(HELLO[20:] + DONE) == HELLO + DONE
    assert usage_filter.feed(COUNT[:-1]) == b""
    assert usage_filter.feed(b"\n" + DONE) == DONE
    assert usage_filter.close() == b""


def test_an_event_without_end_is_let_go_in_the_end() -> None:
    usage_filter = UsageFilter(100)
    assert usage_filter.feed(b"x" * 100) == b""
    assert usage_filter.feed(b"y") == b"x" * 100 + b"y"
    assert usage_filter.feed(b"z") + usage_filter.close() == b"z"
