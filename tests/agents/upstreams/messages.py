"""The Anthropic Messages upstream of a journey."""

from __future__ import annotations

from collections.abc import Iterator

from tests.agents import messages_stream
from tests.agents.conftest import Channel
from tests.agents.journey import Turn
from tests.agents.upstream import Reply, Request, expect, json_reply, sse_reply
from tests.agents.upstreams.part import Asked, Body, Call, Part
from tests.contract.turn_rules import messages_turn_faults
from tests.contract.typed_params import messages_faults

__all__ = ["MessagesPart"]

_THINKS = ("enabled", "adaptive")


class MessagesPart(Part):
    """Thinks only when it is asked to, as the vendor does."""

    channel = Channel("anthropic", "anthropic", "")
    model = "claude-opus-4-7"

    @staticmethod
    def error(what: str) -> object:
        return {"type": "error", "error": {"type": "invalid_request_error", "message": what}}

    def check_head(self, request: Request) -> None:
        paths = ("/v1/messages", "/v1/messages/count_tokens")
        expect(request.method == "POST" and request.path in paths, "nothing else is served here")
        expect(request.headers.get("x-api-key") == self.journey.upstream_key, "x-api-key is the channel's key")
        expect("authorization" not in request.headers, "the client's own credential stays behind")
        expect(request.headers.get("anthropic-version"), "every request names its version")

    def beside(self, request: Request) -> Reply | None:
        return json_reply({"input_tokens": 1000}) if request.path.endswith("count_tokens") else None

    def type_faults(self, body: Body) -> list[str]:
        return messages_faults(body)

    def turn_faults(self, body: Body) -> list[str]:
        return messages_turn_faults(body, self.journey.seals)

    def read(self, request: Request, body: Body) -> Asked:
        expect(body["model"] == self.model, f"the model is the upstream's, not {body['model']!r}")
        lists = [m["content"] for m in body["messages"] if isinstance(m["content"], list)]
        blocks = [block for content in lists for block in content]
        return Asked(
            tools=frozenset(tool["name"] for tool in body.get("tools") or ()),
            calls=[Call(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"],
            results=[(b["tool_use_id"], str(b.get("content"))) for b in blocks if b["type"] == "tool_result"],
            is_stream=bool(body.get("stream")),
        )

    def stream(self, turn: Turn, body: Body) -> Reply:
        return sse_reply(list(self._frames(turn, body)))

    def _frames(self, turn: Turn, body: Body) -> Iterator[bytes]:
        yield from messages_stream.opening(self.model, message_id=self._message_id)
        for index, block in enumerate(self._blocks(turn, body)):
            match block:
                case {"type": "thinking", "thinking": thought, "signature": seal}:
                    yield from messages_stream.thinking(index, thought, seal)
                case {"type": "text", "text": text}:
                    yield from messages_stream.text(index, text)
                case {"type": "tool_use", "id": call_id, "name": name, "input": arguments}:
                    yield from messages_stream.tool_use(index, call_id, name, arguments)
        yield from messages_stream.ending(_stop_reason(turn))

    def whole(self, turn: Turn, body: Body) -> Reply:
        return json_reply(
            {
                "id": self._message_id,
                "type": "message",
                "role": "assistant",
                "model": self.model,
                "content": self._blocks(turn, body),
                "stop_reason": _stop_reason(turn),
                "stop_sequence": None,
                "usage": {"input_tokens": 20, "output_tokens": 30},
            }
        )

    @property
    def _message_id(self) -> str:
        return f"msg_{len(self.turns):02}"

    def _blocks(self, turn: Turn, body: Body) -> list[Body]:
        blocks: list[Body] = []
        if turn.thought and body.get("thinking", {}).get("type") in _THINKS:
            blocks.append({"type": "thinking", "thinking": turn.thought, "signature": turn.seal})
        blocks.append({"type": "text", "text": turn.text})
        for step in turn.steps:
            arguments = self.tool.arguments(step.command)
            blocks.append({"type": "tool_use", "id": step.id, "name": self.tool.name, "input": arguments})
        return blocks


def _stop_reason(turn: Turn) -> str:
    return "tool_use" if turn.steps else "end_turn"
