"""The Chat Completions upstream of a journey."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.agents.conftest import Channel
from tests.agents.journey import Turn
from tests.agents.upstream import Reply, Request, expect, json_reply, sse_reply
from tests.agents.upstreams.part import Asked, Body, Call, Part
from tests.contract.turn_rules import chat_turn_faults
from tests.contract.typed_params import chat_faults

__all__ = ["ChatPart"]

_USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 10,
    "total_tokens": 30,
    "prompt_tokens_details": {"cached_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 4},
}


class ChatPart(Part):
    channel = Channel("openai", "openai-chat", "/v1")
    model = "gpt-5"

    @staticmethod
    def error(what: str) -> object:
        return {"error": {"type": "invalid_request_error", "message": what, "code": None, "param": None}}

    def check_head(self, request: Request) -> None:
        expect((request.method, request.path) == ("POST", "/v1/chat/completions"), "nothing else is served here")
        key = request.headers.get("authorization")
        expect(key == f"Bearer {self.journey.upstream_key}", "the credential is the channel's key")

    def type_faults(self, body: Body) -> list[str]:
        return chat_faults(body)

    def turn_faults(self, body: Body) -> list[str]:
        return chat_turn_faults(body)

    def read(self, request: Request, body: Body) -> Asked:
        expect(body["model"] == self.model, f"the model is the upstream's, not {body['model']!r}")
        calls = [call for message in body["messages"] for call in message.get("tool_calls") or ()]
        results = [(m["tool_call_id"], str(m["content"])) for m in body["messages"] if m["role"] == "tool"]
        return Asked(
            tools=frozenset(tool["function"]["name"] for tool in body.get("tools") or ()),
            calls=[Call(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls],
            results=results,
            is_stream=bool(body.get("stream")),
        )

    def stream(self, turn: Turn, body: Body) -> Reply:
        has_usage = (body.get("stream_options") or {}).get("include_usage")
        frames = [b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in self._chunks(turn, has_usage)]
        return sse_reply([*frames, b"data: [DONE]\n\n"])

    def _chunks(self, turn: Turn, has_usage: bool) -> Iterator[Body]:
        yield _chunk({"role": "assistant", "content": ""})
        if turn.thought:
            yield _chunk({"reasoning_content": turn.thought})
        yield _chunk({"content": turn.text[:9]})
        yield _chunk({"content": turn.text[9:]})
        for index, call in enumerate(self._calls(turn)):
            arguments = call["function"]["arguments"]
            opened = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
            yield _chunk({"tool_calls": [opened]})
            for part in (arguments[:9], arguments[9:]):
                yield _chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
        yield _chunk({}, _finish(turn))
        if has_usage:
            yield {**_envelope("chat.completion.chunk"), "choices": [], "usage": _USAGE}

    def whole(self, turn: Turn, body: Body) -> Reply:
        message: dict[str, Any] = {"role": "assistant", "content": turn.text, "refusal": None}
        if turn.thought:
            message["reasoning_content"] = turn.thought
        if turn.steps:
            message["tool_calls"] = self._calls(turn)
        choice = {"index": 0, "message": message, "finish_reason": _finish(turn), "logprobs": None}
        return json_reply({**_envelope("chat.completion"), "choices": [choice], "usage": _USAGE})

    def _calls(self, turn: Turn) -> list[Body]:
        return [
            {
                "id": step.id,
                "type": "function",
                "function": {
                    "name": self.tool.name,
                    "arguments": json.dumps(self.tool.arguments(step.command)),
                },
            }
            for step in turn.steps
        ]


def _finish(turn: Turn) -> str:
    return "tool_calls" if turn.steps else "stop"


def _envelope(kind: str) -> Body:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": ChatPart.model}


def _chunk(delta: Body, finish: str | None = None) -> Body:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**_envelope("chat.completion.chunk"), "choices": [choice]}
