"""The Responses upstream of Codex: two turns, streamed, with an encrypted reasoning item in the first.

Shapes as Codex 0.169.0 sends them (seen 2026-11): `store: false` and the whole history each time, instructions as
developer messages, `include: [reasoning.encrypted_content]`, a shell tool called `exec_command`.
"""

from __future__ import annotations

import json
from typing import Any

from tests.agents.errand import Errand
from tests.agents.responses_stream import Item, frames, function_call, message, reasoning
from tests.agents.upstream import Reply, Request, expect, json_reply, sse_reply

__all__ = ["ResponsesScript"]

_CALL_ID = "call_FindTheSecret"
_SHELL = "exec_command"


class ResponsesScript:
    """Answers `POST /v1/responses` for one errand. `turns` lists what was played: `tool_call`, then `farewell`."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self.turns: list[str] = []

    @staticmethod
    def error(what: str) -> object:
        return {"error": {"type": "invalid_request_error", "message": what, "code": None, "param": None}}

    def answer(self, request: Request) -> Reply:
        match request.method, request.path:
            case "GET", "/v1/models":
                return json_reply({"object": "list", "data": []})
            case "POST", "/v1/responses":
                return self._response(request)
        raise AssertionError("nothing that this script serves; a WebSocket never comes through the gateway")

    def _response(self, request: Request) -> Reply:
        key = request.headers.get("authorization")
        expect(key == f"Bearer {self._errand.upstream_key}", "the credential is the channel's key")
        body = request.json()
        expect(body["model"] == self._errand.upstream_model, f"the model is the upstream's, got {body['model']!r}")
        expect(body["stream"] is True and body["store"] is False, "streamed and not stored, as sent")
        expect(body["include"] == ["reasoning.encrypted_content"], "include arrives as sent")
        expect("prompt_cache_key" in body and "client_metadata" in body, "fields that few know arrive as sent")
        outputs = [item for item in body["input"] if item["type"] == "function_call_output"]
        return self._farewell(body, outputs) if outputs else self._tool_call(body)

    def _tool_call(self, body: dict[str, Any]) -> Reply:
        expect(not self.turns, f"the first turn comes once, not after {self.turns}")
        shell = next((tool for tool in body["tools"] if tool.get("name") == _SHELL), None)
        expect(shell is not None and "cmd" in shell["parameters"]["properties"], "the shell tool keeps its schema")
        kinds = {tool["type"] for tool in body["tools"]}
        expect({"function", "namespace"} <= kinds, f"tools of every type are there, not just {kinds}")
        expect(any(item["role"] == "developer" for item in body["input"]), "developer messages arrive")
        expect(self._errand.prompt in json.dumps(body["input"]), "the prompt arrives")
        expect(self._errand.secret not in json.dumps(body), "the secret is still one")
        self.turns.append("tool_call")
        arguments = json.dumps({"cmd": self._errand.command})
        items = [reasoning(self._errand.seal), function_call(_CALL_ID, _SHELL, arguments)]
        return sse_reply(list(frames("resp_01", body["model"], items)))

    def _farewell(self, body: dict[str, Any], outputs: list[Item]) -> Reply:
        expect(self.turns == ["tool_call"], f"the second turn comes once and second, not after {self.turns}")
        expect([output["call_id"] for output in outputs] == [_CALL_ID], "one result, of the call that was made")
        expect(self._errand.secret in json.dumps(outputs), f"the result holds what the shell printed, not {outputs}")
        calls = [item for item in body["input"] if item["type"] == "function_call"]
        expect([json.loads(call["arguments"])["cmd"] for call in calls] == [self._errand.command], "the call is whole")
        seals = [item["encrypted_content"] for item in body["input"] if item["type"] == "reasoning"]
        expect(seals == [self._errand.seal], "the encrypted reasoning comes back")
        self.turns.append("farewell")
        return sse_reply(list(frames("resp_02", body["model"], [message(self._errand.last_words)])))
