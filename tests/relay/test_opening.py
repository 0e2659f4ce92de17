"""The commit point: what comes before an answer has said anything can still be another channel's."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recorded import exchanges
from tests.relay.answers import DIALECTS, asking, frames_of, streamed, whole
from tests.relay.stage import stage
from torouter.codecs import CODECS, OPENING_BYTES, Opening
from torouter.errors import UpstreamError
from torouter.relay.holding import Held
from torouter.units import Dialect
from torouter.wire.memory import Reply

ROADS = [(client, upstream) for client in DIALECTS for upstream in DIALECTS]
ERROR = b'data: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n'
RESET = UpstreamError("reset", phase="stream", code="upstream_reset")
JSON = [(b"content-type", b"application/json")]


def silent(dialect: Dialect) -> list[bytes]:
    """All of a stream that comes before it says anything."""
    frames = frames_of(dialect)
    return frames[: next(number for number, frame in enumerate(frames) if b"word number" in frame)]


def failing(dialect: Dialect) -> dict[str, Reply]:
    before = silent(dialect)
    return {
        "error event": streamed(*before, ERROR),
        "cut": streamed(*before, fault=RESET),
        "clean end": streamed(*before, b""),
        "empty": streamed(b""),
        "comments": streamed(b": hello\n\n", b": there\n\n"),
        "no JSON": streamed(*before, b'data: {"id": "x", "cho\n\n'),
        "no events": streamed(b"<html>gone</html>\n\n"),
        "bare error": streamed(b'{"error":{"message":"busy"}}'),
        "half an event": streamed(*before, b'data: {"choices":[{"delta":{"content":"x'),
    }


@pytest.mark.parametrize("fault", failing("gemini"))
@pytest.mark.parametrize(("client", "upstream"), ROADS)
async def test_another_channel_answers_unseen(client: Dialect, upstream: Dialect, fault: str) -> None:
    handlers = {"a": lambda _: failing(upstream)[fault], "b": lambda _: streamed(*frames_of(upstream))}
    async with stage(handlers, dialects=(upstream,)) as on:
        answer = await on.post(*asking(client, stream=True))
    assert [name for name, _ in on.asked] == ["a", "b"]
    assert answer.status == 200
    assert answer.body.count(b"word number 0 ") >= 1
    assert b"busy" not in answer.body
    if client == upstream == "anthropic":
        assert answer.body == b"".join(frames_of(upstream))


@pytest.mark.parametrize("body", [b"", b" \n", b"<html>", b'{"a": ', b"5"])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_whole_answer_that_is_none(dialect: Dialect, body: bytes) -> None:
    good = json.dumps(whole(dialect)).encode()
    for pieces in ([body], [body[:1], body[1:]]):
        handlers = {"a": lambda _, pieces=pieces: Reply(200, JSON, pieces), "b": lambda _: Reply(200, JSON, [good])}
        async with stage(handlers, dialects=(dialect,)) as on:  # type: ignore[arg-type]
            answer = await on.post(*asking(dialect, stream=False))
        assert (answer.status, answer.body) == (200, good)
        assert len(on.asked) == 2


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_was_held_comes_byte_for_byte(dialect: Dialect) -> None:
    frames = frames_of(dialect)
    path, body = asking(dialect, stream=True)
    if dialect == "openai-chat":
        body["stream_options"] = {"include_usage": True}
    async with stage({"a": lambda _: streamed(*frames)}, dialects=(dialect,)) as on:
        answer = await on.post(path, body)
    assert answer.body == b"".join(frames)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_garbage_behind_the_commit_is_an_error_in_the_stream(dialect: Dialect) -> None:
    frames = frames_of(dialect)
    begun, rest = frames[: len(silent(dialect)) + 2], frames[len(silent(dialect)) + 2 :]
    path, body = asking(dialect, stream=True)
    async with stage({"a": lambda _: streamed(*begun, b'data: {"cho\n\n', *rest)}, dialects=(dialect,)) as on:
        answer = await on.post(path, body)
        [row] = on.rows
    assert answer.body.startswith(b"".join(begun))
    told = answer.body.removeprefix(b"".join(begun))
    assert b"upstream_malformed" in told or b"error" in told
    assert b"word number" not in told
    assert row.outcome == "truncated"


async def test_a_done_without_a_reason_is_no_end() -> None:
    frames = [frame for frame in frames_of("openai-chat", usage=False) if b'"stop"' not in frame]
    async with stage({"a": lambda _: streamed(*frames)}, dialects=("openai-chat",)) as on:
        answer = await on.post(*asking("openai-chat", stream=True))
        [row] = on.rows
    assert b"[DONE]" not in answer.body
    assert b"upstream_truncated" in answer.body
    assert row.outcome == "truncated"


async def test_a_reason_without_a_done_is_an_end() -> None:
    frames = frames_of("openai-chat", usage=False)[:-1]
    async with stage({"a": lambda _: streamed(*frames)}, dialects=("openai-chat",)) as on:
        answer = await on.post(*asking("openai-chat", stream=True))
        [row] = on.rows
    assert answer.body == b"".join(frames)
    assert row.outcome == "ok"


async def test_an_upstream_that_says_much_and_nothing_is_given_as_it_is() -> None:
    padding = [b": " + b"x" * 8000 + b"\n\n"] * (OPENING_BYTES // 8000 + 2)
    frames = frames_of("anthropic")
    async with stage({"a": lambda _: streamed(*padding, *frames)}, dialects=("anthropic",), kind="anthropic") as on:
        answer = await on.post(*asking("anthropic", stream=True))
    assert answer.body == b"".join([*padding, *frames])


async def test_what_is_held_is_held_for_so_long() -> None:
    given = asyncio.Event()
    held = Held(hold_s=0.02)
    assert held.keep(b"a", given.set)
    await asyncio.wait_for(given.wait(), 2)
    assert held.take() == b"a"
    held.keep(b"b", given.set)
    held.drop()
    given.clear()
    await asyncio.sleep(0.05)
    assert not given.is_set()


STREAMS = [
    (dialect, exchange)
    for protocol, dialect in {
        "openai-chat": "openai-chat", "openai-responses": "openai-responses",
        "anthropic-messages": "anthropic", "gemini": "gemini",
    }.items()
    for exchange in exchanges(protocol)
    if exchange.is_stream and exchange.status == 200 and exchange.response_body.startswith((b"data:", b"event:"))
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "exchange"), STREAMS, ids=lambda each: getattr(each, "label", ""))
def test_every_recorded_stream_says_something(dialect: Dialect, exchange: object) -> None:
    body: bytes = exchange.response_body  # type: ignore[attr-defined]
    opening = Opening(CODECS[dialect].opens, is_array=False)
    assert opening.feed(body) in ("something", "error")


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(DIALECTS), st.data())
def test_any_cut_of_the_bytes_gives_the_same(dialect: Dialect, data: st.DataObject) -> None:
    raw = b"".join(frames_of(dialect))
    marks = sorted({0, len(raw), *data.draw(st.lists(st.integers(0, len(raw)), max_size=8))})
    pieces = [raw[start:end] for start, end in pairwise(marks)]
    path, body = asking(dialect, stream=True)
    if dialect == "openai-chat":
        body["stream_options"] = {"include_usage": True}

    async def ask() -> bytes:
        async with stage({"a": lambda _: streamed(*pieces)}, dialects=(dialect,)) as on:
            return (await on.post(path, body)).body

    assert asyncio.run(ask()) == raw
