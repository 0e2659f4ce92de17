"""The Gemini upstream of a journey: signs the first call of each turn, and wants the signature back."""

from __future__ import annotations

import json

from tests.agents.conftest import Channel
from tests.agents.gemini_script import Part as ContentPart
from tests.agents.gemini_script import chunk
from tests.agents.journey import Turn
from tests.agents.upstream import Reply, Request, expect, json_reply, sse_reply
from tests.agents.upstreams.part import Asked, Body, Call, Part
from tests.contract.genai_sdk import genai_faults
from tests.contract.turn_rules import gemini_turn_faults

__all__ = ["GeminiPart"]

_VERBS = ("generateContent", "streamGenerateContent", "countTokens")


class GeminiPart(Part):
    channel = Channel("gemini", "gemini", "/v1beta")
    model = "gemini-3-flash-preview"

    @staticmethod
    def error(what: str) -> object:
        return {"error": {"code": 400, "message": what, "status": "INVALID_ARGUMENT"}}

    def check_head(self, request: Request) -> None:
        model, _, verb = request.path.removeprefix("/v1beta/models/").partition(":")
        expect(request.method == "POST" and verb in _VERBS, "nothing else is served here")
        expect(model == self.model, f"the path names the upstream's model, not {model}")
        expect(request.headers.get("x-goog-api-key") == self.journey.upstream_key, "the key is the channel's")
        expect("key" not in request.query, "no key stands in the URL")

    def beside(self, request: Request) -> Reply | None:
        return json_reply({"totalTokens": 20}) if request.path.endswith(":countTokens") else None

    def type_faults(self, body: Body) -> list[str]:
        return genai_faults(body)

    def turn_faults(self, body: Body) -> list[str]:
        return gemini_turn_faults(body, self.journey.seals)

    def read(self, request: Request, body: Body) -> Asked:
        parts = [part for content in body["contents"] for part in content["parts"]]
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        declared = [each for tool in body.get("tools") or () for each in tool.get("functionDeclarations", ())]
        return Asked(
            tools=frozenset(each["name"] for each in declared),
            calls=[Call(call.get("id", ""), call["name"], call["args"]) for call in calls],
            results=[(result.get("id", ""), str(result["response"])) for result in results],
            is_stream=request.path.endswith(":streamGenerateContent"),
        )

    def stream(self, turn: Turn, body: Body) -> Reply:
        """One part a chunk; only the last chunk has a finish reason."""
        parts = self._parts(turn, body)
        last = len(parts) - 1
        chunks = [chunk([part], self.model, finish="STOP" if n == last else None) for n, part in enumerate(parts)]
        return sse_reply([f"data: {json.dumps(each)}\r\n\r\n".encode() for each in chunks])

    def whole(self, turn: Turn, body: Body) -> Reply:
        return json_reply(chunk(self._parts(turn, body), self.model, finish="STOP"))

    def _parts(self, turn: Turn, body: Body) -> list[ContentPart]:
        parts: list[ContentPart] = []
        thinking = body.get("generationConfig", {}).get("thinkingConfig", {})
        if turn.thought and thinking.get("includeThoughts"):
            parts.append({"text": turn.thought, "thought": True})
        parts.append({"text": turn.text})
        for index, step in enumerate(turn.steps):
            arguments = self.tool.arguments(step.command)
            call: ContentPart = {"functionCall": {"id": step.id, "name": self.tool.name, "args": arguments}}
            parts.append(call if index else {**call, "thoughtSignature": turn.seal})
        return parts
