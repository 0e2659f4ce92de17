"""The canon path through the relay: losses are told, names come back, errors wear the caller's dialect."""

from __future__ import annotations

import json

import pytest

from tests.relay.stage import json_reply, sse_reply, stage
from torouter.errors import UpstreamError
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

MESSAGES = {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]}
CHAT = {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "up-m",
    "content": [{"type": "text", "text": "yes"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


async def test_a_chat_client_over_a_messages_upstream() -> None:
    async with stage({"a": lambda _: json_reply(200, MESSAGE)}, dialects=("anthropic",)) as on:
        answer = await on.post("/v1/chat/completions", {**CHAT, "seed": 7})
        assert answer.status == 200
        assert answer.json["choices"][0]["message"]["content"] == "yes"
        assert answer.json["model"] == "m"
        assert answer.json["usage"]["total_tokens"] == 5
        assert answer.headers[b"x-torouter-losses"] == b"seed;dropped"
        request = on.asked[0][1]
        assert request.target == b"/v1/messages"
        assert b"anthropic-version: 2023-06-01" in request.head
        assert json.loads(request.body)["model"] == "up-m"
        [row] = on.rows
        assert (row.dialect_in, row.dialect_out, row.losses) == ("openai-chat", "anthropic", "seed;dropped")
        assert (row.input_tokens, row.output_tokens, row.quality) == (3, 2, "reported")


@pytest.mark.pitfall(169)
async def test_the_callers_headers_for_its_own_vendor_do_not_reach_another() -> None:
    headers = {"anthropic-beta": "x", "anthropic-version": "2023-06-01"}
    chat = {
        "id": "c",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "y"}, "finish_reason": "stop"}],
    }
    async with stage({"a": lambda _: json_reply(200, chat)}) as on:
        answer = await on.post("/v1/messages", MESSAGES, headers)
        assert answer.json["content"] == [{"type": "text", "text": "y"}]
        assert answer.headers[b"request-id"] == answer.headers[b"x-request-id"]
        assert b"anthropic" not in on.asked[0][1].head


@pytest.mark.pitfall(20, 141)
async def test_an_upstreams_error_wears_the_callers_dialect_and_keeps_its_words() -> None:
    error = {
        "error": {"message": "too long by far", "type": "invalid_request_error", "code": "context_length_exceeded"}
    }
    async with stage({"a": lambda _: json_reply(400, error), "b": lambda _: json_reply(400, error)}) as on:
        answer = await on.post("/v1/messages", MESSAGES)
        assert answer.status == 400
        assert answer.json["type"] == "error"
        assert answer.json["error"]["type"] == "invalid_request_error"
        assert "too long by far" in answer.json["error"]["message"]
        assert len(on.asked) == 1


async def test_what_must_not_be_dropped_is_refused_before_any_upstream_call() -> None:
    async with stage({"a": lambda _: json_reply(200, MESSAGE)}, dialects=("anthropic",)) as on:
        answer = await on.post("/v1/chat/completions", {**CHAT, "n": 2})
        assert (answer.status, answer.json["error"]["param"]) == (400, "n")
        assert on.asked == []
        assert on.rows[0].outcome == "refused"


@pytest.mark.pitfall(135, 136)
async def test_an_error_as_the_first_event_is_an_http_error_and_another_channel_is_asked() -> None:
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n'
    async with stage({"a": lambda _: sse_reply(error, b"")}, dialects=("anthropic",)) as on:
        answer = await on.post("/v1/chat/completions", {**CHAT, "stream": True})
        assert answer.status == 502
        assert "busy" in answer.json["error"]["message"]


@pytest.mark.pitfall(16)
async def test_a_translated_stream_that_breaks_ends_in_an_error_and_not_in_done() -> None:
    pieces = (b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"par"},"finish_reason":null}]}\n\n',)
    reply = sse_reply(*pieces, fault=UpstreamError("reset", phase="stream"))
    async with stage({"a": lambda _: reply}) as on:
        answer = await on.post("/v1/messages", {**MESSAGES, "stream": True})
        assert answer.is_complete
        assert b'"text":"par"' in answer.body
        assert b"event: error" in answer.body
        assert b"message_stop" not in answer.body
        assert on.rows[0].outcome == "truncated"


@pytest.mark.pitfall(63)
async def test_a_tool_whose_name_the_upstream_cannot_take_comes_back_under_its_own() -> None:
    name = "files.read/all"

    def handler(request: Request) -> Reply:
        [tool] = json.loads(request.body)["tools"]
        assert tool["name"] != name
        content = [{"type": "tool_use", "id": "toolu_1", "name": tool["name"], "input": {"p": 1}}]
        return json_reply(200, {**MESSAGE, "content": content, "stop_reason": "tool_use"})

    tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}]
    async with stage({"a": handler}, dialects=("anthropic",)) as on:
        answer = await on.post("/v1/chat/completions", {**CHAT, "tools": tools})
        [call] = answer.json["choices"][0]["message"]["tool_calls"]
        assert call["function"] == {"name": name, "arguments": '{"p": 1}'}


async def test_a_thinking_name_reaches_the_other_dialect() -> None:
    async with stage(
        {"a": lambda _: json_reply(200, MESSAGE)},
        dialects=("anthropic",),
        models={"claude-opus-4-7": "claude-opus-4-7"},
    ) as on:
        answer = await on.post("/v1/chat/completions", {**CHAT, "model": "claude-opus-4-7-thinking"})
        assert answer.status == 200
        assert json.loads(on.asked[0][1].body)["thinking"]["type"] == "adaptive"
        assert answer.json["model"] == "claude-opus-4-7-thinking"
        assert (on.rows[0].model, on.rows[0].upstream_model) == ("claude-opus-4-7-thinking", "claude-opus-4-7")
