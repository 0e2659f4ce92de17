"""The Anthropic Messages upstream of Claude Code: two turns, streamed, with a signed thinking block in the first.

Shapes as Claude Code 2.1.197 sends them (seen 2026-11): always streamed, `?beta=true`, thinking adaptive, an agent's
worth of tools; side requests (titles, token counts, a look at the models) come or stay away as it pleases.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.agents.errand import Errand
from tests.agents.messages_stream import ending, opening, text, thinking, tool_use
from tests.agents.upstream import Reply, Request, expect, json_reply, sse_reply

__all__ = ["MessagesScript"]

_CALL_ID = "toolu_01FindTheSecret"
_LONG_AGO = "2026-01-01T00:00:00Z"


class MessagesScript:
    """Answers `POST /v1/messages` for one errand. `turns` lists what was played: `tool_call`, then `farewell`."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self.turns: list[str] = []
        self.counts = 0

    @staticmethod
    def error(what: str) -> object:
        return {"type": "error", "error": {"type": "invalid_request_error", "message": what}}

    def answer(self, request: Request) -> Reply:
        match request.method, request.path:
            case "HEAD", "/":
                return json_reply({})
            case "GET", "/v1/models":
                data = [{"type": "model", "id": self._errand.model, "display_name": "A model", "created_at": _LONG_AGO}]
                return json_reply({"data": data, "has_more": False, "first_id": None, "last_id": None})
            case "POST", "/v1/messages/count_tokens":
                return self._count(request)
            case "POST", "/v1/messages":
                return self._message(request)
        raise AssertionError("nothing of the Messages API lives here")

    def _count(self, request: Request) -> Reply:
        self._check_head(request)
        expect(request.json()["model"] == self._errand.upstream_model, "the count asks for the upstream's model")
        self.counts += 1
        return json_reply({"input_tokens": 1000 + self.counts})

    def _message(self, request: Request) -> Reply:
        self._check_head(request)
        body = request.json()
        expect(body["model"] == self._errand.upstream_model, f"the model is the upstream's, got {body['model']!r}")
        expect(body["max_tokens"] > 0, "max_tokens is a positive number")
        if not any(tool["name"] == "Bash" for tool in body.get("tools", [])):
            return self._side_request(body)
        expect(body["stream"] is True, "the agent's turns are streamed")
        expect(request.query.get("beta") == "true", "?beta=true arrives")
        results = _tool_results(body["messages"])
        return self._farewell(body, results) if results else self._tool_call(body)

    def _check_head(self, request: Request) -> None:
        headers = request.headers
        expect(headers.get("x-api-key") == self._errand.upstream_key, "x-api-key is the channel's key")
        expect("authorization" not in headers, "the client's own credential stays behind")
        expect(headers.get("anthropic-version") == "2023-06-01", "anthropic-version arrives as sent")
        expect("claude-code-20250219" in headers.get("anthropic-beta", ""), "anthropic-beta arrives")

    def _side_request(self, body: dict[str, Any]) -> Reply:
        """A request for a title or the like: no tools, any short text will do."""
        if body.get("stream"):
            return sse_reply([*opening(self._errand.model), *text(0, "A title"), *ending("end_turn")])
        return json_reply(
            {
                "id": "msg_side",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": [{"type": "text", "text": "A title"}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 9, "output_tokens": 2},
            }
        )

    def _tool_call(self, body: dict[str, Any]) -> Reply:
        expect(not self.turns, f"the first turn comes once, not after {self.turns}")
        bash = next(tool for tool in body["tools"] if tool["name"] == "Bash")
        expect("command" in bash["input_schema"]["properties"], "Bash keeps its schema")
        expect(len(body["tools"]) > 5, "all the agent's tools are there")
        expect(body["thinking"] == {"type": "adaptive"}, "thinking arrives as sent")
        expect("user_id" in body["metadata"], "metadata arrives")
        expect(self._errand.prompt in json.dumps(body["messages"]), "the prompt arrives")
        expect(self._errand.secret not in json.dumps(body), "the secret is still one")
        self.turns.append("tool_call")
        arguments = {"command": self._errand.command, "description": "Find the secret"}
        return sse_reply(
            [
                *opening(self._errand.model),
                *thinking(0, "The shell will know.", self._errand.seal),
                *text(1, "Let me look."),
                *tool_use(2, _CALL_ID, "Bash", arguments),
                *ending("tool_use"),
            ]
        )

    def _farewell(self, body: dict[str, Any], results: Sequence[dict[str, Any]]) -> Reply:
        expect(self.turns == ["tool_call"], f"the second turn comes once and second, not after {self.turns}")
        expect([result["tool_use_id"] for result in results] == [_CALL_ID], "one result, of the call that was made")
        expect(not results[0].get("is_error"), f"the command succeeded, not {results[0]}")
        expect(self._errand.secret in json.dumps(results), f"the result holds what the shell printed, not {results}")
        blocks = _assistant_blocks(body["messages"])
        calls = [block for block in blocks if block["type"] == "tool_use"]
        expect([call["input"]["command"] for call in calls] == [self._errand.command], "the call comes back whole")
        thoughts = [block for block in blocks if block["type"] == "thinking"]
        seals = [thought["signature"] for thought in thoughts]
        expect(seals == [self._errand.seal], f"the signature comes back, not {blocks}")
        self.turns.append("farewell")
        return sse_reply([*opening(self._errand.model), *text(0, self._errand.last_words), *ending("end_turn")])


def _assistant_blocks(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [block for m in messages if m["role"] == "assistant" for block in m["content"]]


def _tool_results(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    contents = [m["content"] for m in messages if m["role"] == "user" and isinstance(m["content"], list)]
    return [block for content in contents for block in content if block["type"] == "tool_result"]
