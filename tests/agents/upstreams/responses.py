"""The Responses upstream of a journey."""

from __future__ import annotations

import json

from tests.agents import responses_stream
from tests.agents.conftest import Channel
from tests.agents.journey import Step, Turn
from tests.agents.responses_stream import Item
from tests.agents.upstream import Reply, Request, expect, json_reply, sse_reply
from tests.agents.upstreams.part import Asked, Body, Call, Part
from tests.contract.turn_rules import responses_turn_faults
from tests.contract.typed_params import responses_faults

__all__ = ["ResponsesPart"]


class ResponsesPart(Part):
    channel = Channel("openai", "openai-responses", "/v1")
    model = "gpt-5"

    @staticmethod
    def error(what: str) -> object:
        return {"error": {"type": "invalid_request_error", "message": what, "code": None, "param": None}}

    def check_head(self, request: Request) -> None:
        expect((request.method, request.path) == ("POST", "/v1/responses"), "nothing else is served here")
        key = request.headers.get("authorization")
        expect(key == f"Bearer {self.journey.upstream_key}", "the credential is the channel's key")

    def type_faults(self, body: Body) -> list[str]:
        return responses_faults(body)

    def turn_faults(self, body: Body) -> list[str]:
        return responses_turn_faults(body, self.journey.seals)

    def read(self, request: Request, body: Body) -> Asked:
        expect(body["model"] == self.model, f"the model is the upstream's, not {body['model']!r}")
        items = [item for item in body["input"] if "type" in item]
        return Asked(
            tools=frozenset(tool["name"] for tool in body.get("tools") or () if tool["type"] in ("function", "custom")),
            calls=[_call(item) for item in items if item["type"] in ("function_call", "custom_tool_call")],
            results=[(i["call_id"], str(i["output"])) for i in items if i["type"].endswith("_call_output")],
            is_stream=bool(body.get("stream")),
        )

    def stream(self, turn: Turn, body: Body) -> Reply:
        return sse_reply(list(responses_stream.frames(f"resp_{len(self.turns)}", self.model, self._items(turn))))

    def whole(self, turn: Turn, body: Body) -> Reply:
        return json_reply(responses_stream.response(f"resp_{len(self.turns)}", self.model, self._items(turn)))

    def _items(self, turn: Turn) -> list[Item]:
        """The ids are the turn's own, as an item's id stands for one item only."""
        at = 10 * len(self.turns)
        items = [responses_stream.reasoning(turn.seal, turn.thought, number=at)] if turn.thought else []
        items.append(responses_stream.message(turn.text, number=at))
        items += [self._called(step, at + number) for number, step in enumerate(turn.steps)]
        return items

    def _called(self, step: Step, number: int) -> Item:
        name = self.tool.name
        if self.tool.is_custom and self.is_home:
            return responses_stream.custom_tool_call(step.id, name, step.command, number=number)
        arguments = json.dumps(self.tool.arguments(step.command))
        return responses_stream.function_call(step.id, name, arguments, number=number)


def _call(item: Item) -> Call:
    is_custom = item["type"] == "custom_tool_call"
    arguments = {"input": item["input"]} if is_custom else json.loads(item["arguments"])
    return Call(item["call_id"], item["name"], arguments)
