"""A turn that its upstream pauses (Anthropic's servers at work, Gemini's limit of one request) is gone on with here:
its client hears one answer, and pays for all of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.matrix.hearing import heard
from tests.relay.stage import Stage, json_reply, sse_reply, stage
from torouter.units import Dialect
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

Json = dict[str, Any]

SIGNED = {"type": "thinking", "thinking": "hm", "signature": "ErUB"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
ASKED = [{"role": "user", "content": "hi"}]


def message(*content: Json, stop: str) -> Json:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up", "stop_sequence": None}
    return {**head, "content": list(content), "stop_reason": stop, "usage": {"input_tokens": 10, "output_tokens": 5}}


def messages_stream(said: Json) -> bytes:
    def event(kind: str, **fields: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()

    start = {**said, "content": [], "stop_reason": None, "usage": {"input_tokens": 10, "output_tokens": 1}}
    pieces = [event("message_start", message=start)]
    for index, block in enumerate(said["content"]):
        pieces.append(event("content_block_start", index=index, content_block=block))
        pieces.append(event("content_block_stop", index=index))
    pieces.append(event("message_delta", delta={"stop_reason": said["stop_reason"]}, usage={"output_tokens": 5}))
    return b"".join([*pieces, event("message_stop")])


def gemini(text: str, finish: str, token: str | None = None) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, "finishReason": finish}
    if token is not None:
        candidate["continuationToken"] = token
    return {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5}}


def one_after_the_other(*answers: Json | Reply) -> Callable[[Request], Reply]:
    waiting = list(answers)

    def handle(request: Request) -> Reply:
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if not isinstance(answer, dict):
            return answer
        if "candidates" in answer:
            is_stream = b"stream" in request.target
            return sse_reply(f"data: {json.dumps(answer)}\n\n".encode()) if is_stream else json_reply(200, answer)
        is_stream = json.loads(request.body).get("stream", False)
        return sse_reply(messages_stream(answer)) if is_stream else json_reply(200, answer)

    return handle


async def chat(on: Stage, *, is_stream: bool, **fields: Any) -> tuple[str, str, tuple[int, int]]:
    """What a Chat client hears: the text, the end, what went in and came out."""
    more = {"stream": True, "stream_options": {"include_usage": True}} if is_stream else {}
    answer = await on.post("/v1/chat/completions", {"model": "m", "messages": ASKED, **more, **fields})
    assert answer.status == 200, answer.body
    if not is_stream:
        [choice] = answer.json["choices"]
        usage = answer.json["usage"]
        return choice["message"]["content"], choice["finish_reason"], _in_and_out(usage)
    chunks = [json.loads(line[6:]) for line in answer.body.split(b"\n") if line.startswith(b"data: {")]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    [end] = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    return text, end, _in_and_out(chunks[-1]["usage"])


def _in_and_out(usage: Json) -> tuple[int, int]:
    return usage["prompt_tokens"], usage["completion_tokens"]


FRAMINGS = pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])


@FRAMINGS
@pytest.mark.pitfall(134)
async def test_what_anthropics_servers_paused_goes_on(is_stream: bool) -> None:
    paused = message(SIGNED, {"type": "text", "text": "I look. "}, SEARCH, FOUND, stop="pause_turn")
    done = message({"type": "text", "text": "Found."}, stop="end_turn")
    async with stage({"a": one_after_the_other(paused, paused, done)}, dialects=("anthropic",)) as on:
        heard = await chat(on, is_stream=is_stream, max_completion_tokens=100)
        assert heard == ("I look. I look. Found.", "stop", (30, 15))
        first, second, third = (json.loads(request.body) for _, request in on.asked)
        assert second["messages"] == [*first["messages"], {"role": "assistant", "content": paused["content"]}]
        assert third["messages"] == [*second["messages"], {"role": "assistant", "content": paused["content"]}]
        assert [body["max_tokens"] for body in (first, second, third)] == [100, 95, 90]
        assert {k: v for k, v in first.items() if k not in ("messages", "max_tokens")} == {
            k: v for k, v in third.items() if k not in ("messages", "max_tokens")
        }
        [row] = on.rows
        assert (row.input_tokens, row.output_tokens, row.quality, row.outcome) == (30, 15, "reported", "ok")


@FRAMINGS
async def test_what_gemini_paused_goes_on_from_its_token(is_stream: bool) -> None:
    answers = one_after_the_other(gemini("one ", "CONTINUATION", "dG9r"), gemini("two", "STOP"))
    async with stage({"a": answers}, dialects=("gemini",)) as on:
        assert await chat(on, is_stream=is_stream) == ("one two", "stop", (20, 10))
        first, second = (json.loads(request.body) for _, request in on.asked)
        assert second == {**first, "continuationToken": "dG9r"}
        assert on.asked[0][1].target == on.asked[1][1].target


USAGE = {"include_usage": True}
STOPPED = {"openai-chat": "stop", "openai-responses": "completed", "anthropic": "end_turn"}
CLIENTS: dict[Dialect, tuple[str, Json]] = {
    "openai-chat": ("/v1/chat/completions", {"model": "m", "messages": ASKED, "stream_options": USAGE}),
    "openai-responses": ("/v1/responses", {"model": "m", "input": "hi"}),
    "anthropic": ("/v1/messages", {"model": "m", "max_tokens": 100, "messages": ASKED}),
}


@FRAMINGS
@pytest.mark.parametrize("client", CLIENTS)
async def test_every_client_hears_one_answer(client: Dialect, is_stream: bool) -> None:
    path, body = CLIENTS[client]
    answers = one_after_the_other(gemini("one ", "CONTINUATION", "dG9r"), gemini("two", "STOP"))
    async with stage({"a": answers}, dialects=("gemini",)) as on:
        answer = await on.post(path, {**body, "stream": is_stream})
        assert len(on.asked) == 2
        said = heard(client, "streamed" if is_stream else "whole", answer.body)
        assert (said.text, said.end) == ("one two", STOPPED[client])
        assert said.usage[::2] == (20, 10)


@FRAMINGS
async def test_a_pause_without_an_end_is_bounded(is_stream: bool) -> None:
    """It ends as cut off, never as if all had been said."""
    async with stage({"a": one_after_the_other(gemini("on ", "CONTINUATION", "dG9r"))}, dialects=("gemini",)) as on:
        text, end, usage = await chat(on, is_stream=is_stream)
        assert len(on.asked) == 9
        assert (text, end, usage) == ("on " * 9, "length", (90, 45))


@FRAMINGS
@pytest.mark.parametrize(
    "paused",
    [
        pytest.param((gemini("one", "CONTINUATION"), "gemini"), id="no token"),
        pytest.param((message({"type": "text", "text": "one"}, stop="pause_turn"), "anthropic"), id="no tokens left"),
    ],
)
async def test_where_nothing_goes_on_the_pause_is_the_end(paused: tuple[Json, Dialect], is_stream: bool) -> None:
    async with stage({"a": one_after_the_other(paused[0])}, dialects=(paused[1],)) as on:
        text, end, usage = await chat(on, is_stream=is_stream, max_completion_tokens=5)
        assert (len(on.asked), text, end, usage) == (1, "one", "length", (10, 5))


async def test_calls_of_the_client_are_answered_first() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    async with stage({"a": one_after_the_other(message(call, stop="pause_turn"))}, dialects=("anthropic",)) as on:
        tools = [{"type": "function", "function": {"name": "f"}}]
        await on.post("/v1/chat/completions", {"model": "m", "messages": ASKED, "tools": tools})
        assert len(on.asked) == 1


DOWN = json_reply(529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


async def test_an_upstream_that_fails_at_going_on_ends_a_stream_in_error() -> None:
    paused = message({"type": "text", "text": "I look. "}, stop="pause_turn")
    async with stage({"a": one_after_the_other(paused, DOWN)}, dialects=("anthropic",)) as on:
        asked = {"model": "m", "messages": ASKED, "stream": True, "max_completion_tokens": 100}
        answer = await on.post("/v1/chat/completions", asked)
        assert b"I look. " in answer.body
        assert b"Overloaded" in answer.body
        assert b"[DONE]" not in answer.body
        [row] = on.rows
        assert (row.outcome, row.input_tokens, row.output_tokens) == ("truncated", 10, 5)


async def test_before_anything_was_said_another_channel_is_asked() -> None:
    paused = message({"type": "text", "text": "I look. "}, stop="pause_turn")
    done = message({"type": "text", "text": "Hello."}, stop="end_turn")
    handlers = {"a": one_after_the_other(paused, DOWN), "b": one_after_the_other(done)}
    async with stage(handlers, dialects=("anthropic",)) as on:
        assert (await chat(on, is_stream=False, max_completion_tokens=100))[0] == "Hello."
        assert [host for host, _ in on.asked] == ["a", "a", "b"]


async def test_on_the_byte_path_a_pause_reaches_its_client() -> None:
    paused = message({"type": "text", "text": "I look. "}, stop="pause_turn")
    async with stage({"a": one_after_the_other(paused)}, dialects=("anthropic",)) as on:
        answer = await on.post("/v1/messages", {"model": "m", "max_tokens": 100, "messages": ASKED})
        assert answer.json["stop_reason"] == "pause_turn"
        assert len(on.asked) == 1
