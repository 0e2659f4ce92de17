"""Streams on the byte path: what passes, what is withheld, and how a broken one ends."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.relay.stage import sse_reply, stage
from torouter.errors import UpstreamError
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

CHAT = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
FIRST = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
LAST = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"


@pytest.mark.pitfall(34)
async def test_bytes_pass_but_for_the_usage_chunk_that_only_we_asked_for() -> None:
    async with stage({"a": lambda _: sse_reply(FIRST, LAST, USAGE + DONE)}) as on:
        answer = await on.post("/v1/chat/completions", CHAT)
        assert (answer.status, answer.body, answer.is_complete) == (200, FIRST + LAST + DONE, True)
        assert json.loads(on.asked[0][1].body)["stream_options"] == {"include_usage": True}
        [row] = on.rows
        assert (row.input_tokens, row.output_tokens, row.quality, row.is_stream) == (3, 2, "reported", True)
        assert row.first_token_ms is not None


async def test_a_client_that_asked_gets_the_usage_chunk() -> None:
    async with stage({"a": lambda _: sse_reply(FIRST, LAST, USAGE + DONE)}) as on:
        answer = await on.post("/v1/chat/completions", {**CHAT, "stream_options": {"include_usage": True}})
        assert answer.body == FIRST + LAST + USAGE + DONE


@pytest.mark.parametrize("pieces", [(FIRST,), (FIRST, b'data: {"id":"c","cho')], ids=["between events", "within one"])
@pytest.mark.pitfall(16, 56, 128)
async def test_a_stream_that_just_ends_is_told_from_a_whole_one(pieces: tuple[bytes, ...]) -> None:
    """Half an event is not given: behind it no error could be told from the rest of it."""
    async with stage({"a": lambda _: sse_reply(*pieces)}) as on:
        answer = await on.post("/v1/chat/completions", {**CHAT, "stream_options": {"include_usage": True}})
        assert answer.status == 200
        error = json.loads(answer.body.removeprefix(FIRST + b"data: "))
        assert error["error"]["code"] == "upstream_truncated"
        assert on.rows[0].outcome == "truncated"


@pytest.mark.pitfall(56)
async def test_a_connection_that_breaks_after_the_commit_is_an_error_in_the_stream() -> None:
    reply = sse_reply(FIRST, fault=UpstreamError("reset", phase="stream"))
    async with stage({"a": lambda _: reply, "b": lambda _: sse_reply(FIRST, LAST, DONE)}) as on:
        answer = await on.post("/v1/chat/completions", CHAT)
        assert b'data: {"error"' in answer.body
        assert [name for name, _ in on.asked] == ["a"], "nothing is spliced"


async def test_a_stream_that_breaks_before_its_first_byte_is_tried_elsewhere() -> None:
    broken = sse_reply(fault=UpstreamError("reset", phase="stream"))
    async with stage({"a": lambda _: broken, "b": lambda _: sse_reply(FIRST, LAST, DONE)}) as on:
        answer = await on.post("/v1/chat/completions", CHAT)
        assert answer.body == FIRST + LAST + DONE


async def test_a_whole_body_that_is_cut_is_tried_elsewhere() -> None:
    reply = Reply(
        200,
        [(b"content-type", b"application/json"), (b"content-length", b"100")],
        [b'{"id":'],
        fault=UpstreamError("reset", phase="body"),
    )
    whole = Reply(200, [(b"content-type", b"application/json")], [b'{"id":', b'"b"}'])
    async with stage({"a": lambda _: reply, "b": lambda _: whole}) as on:
        answer = await on.post("/v1/chat/completions", {**CHAT, "stream": False})
        assert (answer.status, answer.body, answer.is_complete) == (200, b'{"id":"b"}', True)
        assert [row.outcome for row in on.rows] == ["ok"]


async def test_a_client_that_leaves_ends_the_upstream_and_is_written_down() -> None:
    async with stage({"a": lambda _: sse_reply(*[FIRST] * 1000, pace_s=0.01)}) as on:
        body = json.dumps(CHAT).encode()
        _, writer = await asyncio.open_connection("127.0.0.1", on.port)
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer sk-good\r\n"
        writer.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        await asyncio.sleep(0.2)
        writer.close()
        for _ in range(100):
            if on.rows:
                break
            await asyncio.sleep(0.02)
        [row] = on.rows
        assert (row.outcome, row.status) == ("client_left", 499)


async def test_gemini_streams_pass_in_the_framing_that_was_asked_for() -> None:
    array = b'[{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}\n]'
    seen: list[Request] = []

    def handler(request: Request) -> Reply:
        seen.append(request)
        return Reply(200, [(b"content-type", b"application/json")], [array[:10], array[10:]])

    async with stage({"a": handler}, dialects=("gemini",), kind="gemini") as on:
        path = "/v1beta/models/m:streamGenerateContent"
        answer = await on.post(path + "?foo=1", {"contents": [{"parts": [{"text": "hi"}]}]})
        assert (answer.status, answer.body) == (200, array)
        assert seen[0].target == b"/v1/models/up-m:streamGenerateContent?foo=1"
