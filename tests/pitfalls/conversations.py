"""One conversation in the words of each dialect's clients, and what of it reaches an upstream of any dialect.

A conversation is a list of turns: `User(text)`, `Said(text, calls)`, `Results({id: text})`, `System(text)`. Reading an
encoded request gives such turns back, in the order in which the upstream sees them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from tests.contract.genai_sdk import genai_faults
from tests.contract.typed_params import chat_faults, messages_faults, responses_faults
from tests.pitfalls.upstreams import CODECS_OF
from torouter.canon.reasoning import ModelFacts
from torouter.errors import RequestError
from torouter.units import Dialect

__all__ = [
    "FACTS_OF",
    "Call",
    "Results",
    "Said",
    "System",
    "Told",
    "Turn",
    "User",
    "body_of",
    "names_in",
    "refused",
    "schema_in",
    "sent",
]

Json = dict[str, Any]

FACTS_OF: dict[Dialect, ModelFacts] = {
    "openai-chat": ModelFacts(reasoning="effort", max_output_tokens=32_000),
    "openai-responses": ModelFacts(reasoning="effort", max_output_tokens=32_000),
    "anthropic": ModelFacts(reasoning="adaptive", max_output_tokens=32_000),
    "gemini": ModelFacts(reasoning="level", may_disable_reasoning=False, max_output_tokens=32_000),
}
_FAULTS: dict[Dialect, Callable[[Json], list[str]]] = {
    "openai-chat": chat_faults,
    "openai-responses": responses_faults,
    "anthropic": messages_faults,
    "gemini": genai_faults,
}


@dataclass(frozen=True)
class Call:
    id: str
    name: str = "f"
    arguments: str = '{"x":1}'


@dataclass(frozen=True)
class User:
    text: str


@dataclass(frozen=True)
class System:
    text: str


@dataclass(frozen=True)
class Said:
    text: str = ""
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True)
class Results:
    """Of calls, by id, in the order in which the client gives them."""

    of: tuple[tuple[str, str], ...]


Turn = User | System | Said | Results


@dataclass(frozen=True)
class Told:
    body: Json
    losses: dict[str, str]
    turns: list[Turn]


def sent(client: Dialect, upstream: Dialect, body: Json, facts: ModelFacts | None = None) -> Told:
    """What of a client's body reaches the upstream, which is a body that its own package could have sent."""
    request = CODECS_OF[client].decode_request(json.dumps(body).encode())
    encoded = CODECS_OF[upstream].encode_request(request, "up", facts or FACTS_OF[upstream])
    told = json.loads(encoded.body)
    assert _FAULTS[upstream](told) == []
    return Told(told, {loss.field: loss.what for loss in encoded.losses}, _TURNS_IN[upstream](told))


def refused(client: Dialect, upstream: Dialect, body: Json) -> str:
    """The field that the 400 names."""
    with pytest.raises(RequestError) as caught:
        sent(client, upstream, body)
    assert caught.value.status == 400
    assert caught.value.param
    return caught.value.param


def body_of(client: Dialect, *turns: Turn, tools: Sequence[Json] = (), **fields: Any) -> Json:
    """`tools` are `{"name", "schema"?, "description"?}`. A tool that is called and not among them is added."""
    called = {call.name for turn in turns if isinstance(turn, Said) for call in turn.calls}
    missing = sorted(called - {tool["name"] for tool in tools})
    return {**_BODIES[client](turns, [*tools, *({"name": name} for name in missing)]), **fields}


def _schema(tool: Json, field: str) -> Json:
    return {field: tool["schema"]} if "schema" in tool else {}


def _described(tool: Json) -> Json:
    return {name: tool[name] for name in ("name", "description") if name in tool}


# Chat Completions.


def _chat_body(turns: Sequence[Turn], tools: list[Json]) -> Json:
    messages: list[Json] = []
    for turn in turns:
        match turn:
            case User(text):
                messages.append({"role": "user", "content": text})
            case System(text):
                messages.append({"role": "system", "content": text})
            case Said(text, calls):
                message: Json = {"role": "assistant", "content": text}
                messages.append({**message, "tool_calls": [_chat_call(call) for call in calls]} if calls else message)
            case Results(of):
                messages += [{"role": "tool", "tool_call_id": call_id, "content": text} for call_id, text in of]
    declared = [{"type": "function", "function": {**_described(tool), **_schema(tool, "parameters")}} for tool in tools]
    return {"model": "m", "messages": messages, **({"tools": declared} if declared else {})}


def _chat_call(call: Call) -> Json:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _text_in(content: Any) -> str:
    """The text of a message or a result, whatever else is in it."""
    if isinstance(content, str) or content is None:
        return content or ""
    return "".join(part.get("text", "") for part in content)


def _chat_turns(body: Json) -> list[Turn]:
    """A `tool` message stands directly behind the message with its call, or behind another result of it."""
    turns: list[Turn] = []
    for message in body["messages"]:
        text = _text_in(message["content"])
        if message["role"] == "assistant":
            calls = [
                Call(call["id"], call["function"]["name"], call["function"]["arguments"])
                for call in message.get("tool_calls", ())
            ]
            turns.append(Said(text, tuple(calls)))
        elif message["role"] == "tool":
            _answer(turns, [(message["tool_call_id"], text)])
        else:
            turns.append(User(text) if message["role"] == "user" else System(text))
    return turns


def _answer(turns: list[Turn], of: Sequence[tuple[str, str]]) -> None:
    last = turns[-1]
    if isinstance(last, Results):
        turns[-1] = Results((*last.of, *of))
    else:
        assert isinstance(last, Said)
        assert last.calls, "a result that does not follow its call"
        turns.append(Results(tuple(of)))


# Responses.


def _responses_body(turns: Sequence[Turn], tools: list[Json]) -> Json:
    items: list[Json] = []
    for turn in turns:
        match turn:
            case User(text):
                items.append({"type": "message", "role": "user", "content": text})
            case System(text):
                items.append({"type": "message", "role": "developer", "content": text})
            case Said(text, calls):
                items += [{"type": "message", "role": "assistant", "content": text}] if text else []
                items += [
                    {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}
                    for call in calls
                ]
            case Results(of):
                items += [{"type": "function_call_output", "call_id": call_id, "output": text} for call_id, text in of]
    declared = [
        {"type": "function", "strict": False, "parameters": None, **_described(tool), **_schema(tool, "parameters")}
        for tool in tools
    ]
    return {"model": "m", "input": items, **({"tools": declared} if declared else {})}


def _responses_turns(body: Json) -> list[Turn]:
    turns: list[Turn] = []
    for item in body["input"]:
        last = turns[-1] if turns else None
        if item["type"] == "function_call":
            call = Call(item["call_id"], item["name"], item["arguments"])
            if isinstance(last, Said):
                turns[-1] = Said(last.text, (*last.calls, call))
            else:
                turns.append(Said("", (call,)))
        elif item["type"] == "function_call_output":
            _answer(turns, [(item["call_id"], _text_in(item["output"]))])
        else:
            kinds: dict[str, Callable[[str], Turn]] = {"user": User, "assistant": Said}
            turns.append(kinds.get(item["role"], System)(_text_in(item["content"])))
    return turns


# Messages.


def _messages_body(turns: Sequence[Turn], tools: list[Json]) -> Json:
    messages: list[Json] = []
    for turn in turns:
        match turn:
            case User(text):
                messages.append({"role": "user", "content": text})
            case System(text):
                messages.append({"role": "system", "content": text})
            case Said(text, calls):
                blocks: list[Json] = [{"type": "text", "text": text}] if text else []
                blocks += [
                    {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}
                    for call in calls
                ]
                messages.append({"role": "assistant", "content": blocks})
            case Results(of):
                results = [{"type": "tool_result", "tool_use_id": call_id, "content": text} for call_id, text in of]
                messages.append({"role": "user", "content": results})
    declared = [
        {**_described(tool), "input_schema": tool.get("schema", {"type": "object", "properties": {}})} for tool in tools
    ]
    return {"model": "m", "max_tokens": 99, "messages": messages, **({"tools": declared} if declared else {})}


def _messages_turns(body: Json) -> list[Turn]:
    """Roles alternate; results stand first in the message behind their calls, one for each."""
    turns: list[Turn] = [System(_text_in(body["system"]))] if body.get("system") else []
    roles = [message["role"] for message in body["messages"]]
    assert all(role != after for role, after in pairwise(roles))
    open_calls: list[str] = []
    for message in body["messages"]:
        blocks = message["content"]
        kinds = [block["type"] for block in blocks]
        results = [block for block in blocks if block["type"] == "tool_result"]
        assert kinds[: len(results)] == ["tool_result"] * len(results)
        assert [block["tool_use_id"] for block in results] == open_calls
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        assert "" not in [block["text"] for block in blocks if block["type"] == "text"]
        uses = [block for block in blocks if block["type"] == "tool_use"]
        open_calls = [block["id"] for block in uses]
        if message["role"] == "assistant":
            turns.append(Said(text, tuple(Call(use["id"], use["name"], json.dumps(use["input"])) for use in uses)))
            continue
        if results:
            _answer(turns, [(block["tool_use_id"], _text_in(block["content"])) for block in results])
        turns += [User(text)] if text else []
    return turns


# Gemini.


def _gemini_body(turns: Sequence[Turn], tools: list[Json]) -> Json:
    contents: list[Json] = []
    system: Json = {}
    names: dict[str, str] = {}
    for turn in turns:
        match turn:
            case User(text):
                contents.append({"role": "user", "parts": [{"text": text}]})
            case System(text):
                system = {"systemInstruction": {"parts": [{"text": text}]}}
            case Said(text, calls):
                names |= {call.id: call.name for call in calls}
                called = [
                    {"functionCall": {"id": call.id, "name": call.name, "args": json.loads(call.arguments)}}
                    for call in calls
                ]
                contents.append({"role": "model", "parts": [*([{"text": text}] if text else []), *called]})
            case Results(of):
                results = [
                    {"functionResponse": {"id": call_id, "name": names[call_id], "response": {"output": text}}}
                    for call_id, text in of
                ]
                contents.append({"role": "user", "parts": results})
    declared = [{**_described(tool), **_schema(tool, "parametersJsonSchema")} for tool in tools]
    return {"contents": contents, **system, **({"tools": [{"functionDeclarations": declared}]} if declared else {})}


def _gemini_turns(body: Json) -> list[Turn]:
    """As many results as calls, in their order, first in the content behind (`genai_faults` sees to most of that)."""
    turns: list[Turn] = [System(_text_in(body["systemInstruction"]["parts"]))] if "systemInstruction" in body else []
    open_calls: list[str] = []
    for content in body["contents"]:
        parts = content["parts"]
        text = "".join(part.get("text", "") for part in parts)
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        if content["role"] == "model":
            made = (Call(call.get("id", ""), call["name"], json.dumps(call["args"])) for call in calls)
            turns.append(Said(text, tuple(made)))
            open_calls = [call.get("id", "") for call in calls]
            continue
        if results:
            assert [each.get("id", "") for each in results] == open_calls
            told = [(each.get("id", ""), str(next(iter(each["response"].values())))) for each in results]
            _answer(turns, told)
        turns += [User(text)] if text else []
    return turns


_BODIES: dict[Dialect, Callable[[Sequence[Turn], list[Json]], Json]] = {
    "openai-chat": _chat_body,
    "openai-responses": _responses_body,
    "anthropic": _messages_body,
    "gemini": _gemini_body,
}
_TURNS_IN: dict[Dialect, Callable[[Json], list[Turn]]] = {
    "openai-chat": _chat_turns,
    "openai-responses": _responses_turns,
    "anthropic": _messages_turns,
    "gemini": _gemini_turns,
}


# What stands beside the conversation.


def _declared(upstream: Dialect, body: Json) -> list[Json]:
    tools: list[Json] = body.get("tools", [])
    if upstream == "gemini":
        return [each for tool in tools for each in tool["functionDeclarations"]]
    return [tool["function"] for tool in tools] if upstream == "openai-chat" else tools


def names_in(upstream: Dialect, body: Json) -> list[str]:
    """Of the tools that the upstream is told of, in order."""
    return [tool["name"] for tool in _declared(upstream, body)]


def schema_in(upstream: Dialect, body: Json) -> Json | None:
    """Of the first tool; `None` where it has no parameters."""
    field = {"anthropic": "input_schema", "gemini": "parametersJsonSchema"}.get(upstream, "parameters")
    found: Json | None = _declared(upstream, body)[0].get(field)
    return found
