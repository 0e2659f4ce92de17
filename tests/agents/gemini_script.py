"""The Gemini upstream of Gemini CLI: two turns, streamed as SSE, with a thought signature on the first turn's call.

Shapes as Gemini CLI 0.61.0 sends them (seen 2026-11): `/v1beta`, `?alt=sse`, declarations under
`parametersJsonSchema`, `thinkingConfig.thinkingLevel`, call ids on functionCall and functionResponse.
"""

from __future__ import annotations

import json
from typing import Any

from tests.agents.errand import Errand
from tests.agents.upstream import Reply, Request, expect, json_reply, sse_reply

__all__ = ["GeminiScript", "Part", "chunk"]

_CALL_ID = "find-the-secret"
_SHELL = "run_shell_command"

Part = dict[str, Any]


class GeminiScript:
    """Answers `:streamGenerateContent` for one errand. `turns` lists what was played: `tool_call`, then `farewell`."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self.turns: list[str] = []

    @staticmethod
    def error(what: str) -> object:
        return {"error": {"code": 400, "message": what, "status": "INVALID_ARGUMENT"}}

    def answer(self, request: Request) -> Reply:
        expect(request.method == "POST", "every call of the Gemini API that an agent makes is a POST")
        model, _, verb = request.path.removeprefix("/v1beta/models/").partition(":")
        expect(model == self._errand.upstream_model, f"the path names the upstream's model, got {request.path}")
        expect(request.headers.get("x-goog-api-key") == self._errand.upstream_key, "the key is the channel's")
        expect("key" not in request.query, "no key stands in the URL")
        body = request.json()
        match verb:
            case "countTokens":
                return json_reply({"totalTokens": 20})
            case "generateContent":
                return json_reply(chunk([{"text": "{}"}], model, finish="STOP"))
            case "streamGenerateContent":
                expect(request.query == {"alt": "sse"}, f"the query is ?alt=sse, not {request.query}")
                return self._turn(body)
        raise AssertionError(f"no such verb: {verb}")

    def _turn(self, body: dict[str, Any]) -> Reply:
        if _SHELL not in _declarations(body):
            return self._stream([{"text": "A side request, briefly answered."}])
        results = [p["functionResponse"] for p in _parts(body, "user") if "functionResponse" in p]
        return self._farewell(body, results) if results else self._tool_call(body)

    def _tool_call(self, body: dict[str, Any]) -> Reply:
        expect(not self.turns, f"the first turn comes once, not after {self.turns}")
        schema = _declarations(body)[_SHELL]["parametersJsonSchema"]
        expect("command" in schema["properties"], "the shell tool keeps its schema under parametersJsonSchema")
        expect("thinkingLevel" in body["generationConfig"]["thinkingConfig"], "thinkingConfig arrives as sent")
        expect(body["systemInstruction"]["parts"], "the system instruction arrives")
        expect(self._errand.prompt in json.dumps(body["contents"]), "the prompt arrives")
        expect(self._errand.secret not in json.dumps(body), "the secret is still one")
        self.turns.append("tool_call")
        arguments = {"command": self._errand.command, "description": "Find the secret"}
        call = {"functionCall": {"id": _CALL_ID, "name": _SHELL, "args": arguments}}
        return self._stream(
            [
                {"text": "The shell will know.", "thought": True},
                {"text": "Let me look. "},
                {**call, "thoughtSignature": self._errand.seal},
            ]
        )

    def _farewell(self, body: dict[str, Any], results: list[dict[str, Any]]) -> Reply:
        expect(self.turns == ["tool_call"], f"the second turn comes once and second, not after {self.turns}")
        expect([result["name"] for result in results] == [_SHELL], "one result, of the function that was called")
        expect([result["id"] for result in results] == [_CALL_ID], "the result carries the call's id")
        expect(self._errand.secret in json.dumps(results), f"the result holds what the shell printed, not {results}")
        calls = [part for part in _parts(body, "model") if "functionCall" in part]
        expect([c["functionCall"]["args"]["command"] for c in calls] == [self._errand.command], "the call is whole")
        expect([call["thoughtSignature"] for call in calls] == [self._errand.seal], "the signature comes back")
        self.turns.append("farewell")
        words = self._errand.last_words
        return self._stream([{"text": words[:9]}, {"text": words[9:]}])

    def _stream(self, parts: list[Part]) -> Reply:
        """One part a chunk; only the last chunk has a finish reason. No `[DONE]`: this dialect has none."""
        model = self._errand.upstream_model
        last = len(parts) - 1
        chunks = [chunk([part], model, finish="STOP" if n == last else None) for n, part in enumerate(parts)]
        return sse_reply([f"data: {json.dumps(chunk)}\r\n\r\n".encode() for chunk in chunks])


def _declarations(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    tools = body.get("tools", [])
    return {d["name"]: d for tool in tools for d in tool.get("functionDeclarations", [])}


def _parts(body: dict[str, Any], role: str) -> list[Part]:
    return [part for content in body["contents"] if content["role"] == role for part in content["parts"]]


def chunk(parts: list[Part], model: str, *, finish: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    usage = {"promptTokenCount": 20, "candidatesTokenCount": 10, "totalTokenCount": 30}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": "scripted"}
