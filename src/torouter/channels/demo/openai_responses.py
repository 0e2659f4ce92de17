"""The demo in OpenAI Responses: every item opened, filled and closed, one response id, sequence numbers in a row."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Final, Literal

import msgspec

from torouter.channels.demo.conversation import ANY_JSON, Call, Question, Said, Tool, called, fragments, say
from torouter.channels.demo.incoming import Incoming, decode, tokens
from torouter.channels.demo.outgoing import json_reply, stream_reply, typed_event
from torouter.errors import RequestError
from torouter.wire.memory import Reply

__all__ = ["count_tokens", "respond"]

_Object = dict[str, object]


class _Part(msgspec.Struct):
    type: str
    text: str = ""


class _Tool(msgspec.Struct):
    type: str
    name: str = ""
    parameters: msgspec.Raw = msgspec.Raw()


class _Item(msgspec.Struct):
    type: str = "message"
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: str | list[_Part] | None = None
    output: str | list[_Part] | None = None
    tools: list[_Tool] | None = None


class _Choice(msgspec.Struct):
    type: str
    name: str | None = None
    tools: list[_Tool] | None = None


class _Format(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class _Text(msgspec.Struct):
    format: _Format | None = None


class _Respond(msgspec.Struct):
    model: str
    input: str | list[_Item]
    stream: bool | None = None
    tools: list[_Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | _Choice | None = None
    text: _Text | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    conversation: msgspec.Raw = msgspec.Raw(b"null")
    prompt: msgspec.Raw = msgspec.Raw(b"null")


_RESPOND: Final = msgspec.json.Decoder(_Respond)
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

_DEFAULTS: Final[_Object] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""Fields of the request that a response repeats, with what they are if it had none."""


def respond(incoming: Incoming) -> Reply:
    asked = decode(_RESPOND, incoming.body)
    _refuse_state(asked)
    answer = _Answer(asked, incoming, say(_question(asked)))
    return stream_reply(list(answer.pieces())) if asked.stream else json_reply(answer.whole())


def _refuse_state(asked: _Respond) -> None:
    kept = {
        "previous_response_id": asked.previous_response_id is not None,
        "conversation": bytes(asked.conversation) != b"null",
        "prompt": bytes(asked.prompt) != b"null",
        "background": bool(asked.background),
    }
    for name, is_asked in kept.items():
        if is_asked:
            raise RequestError("The demo keeps nothing between requests", param=name)


def count_tokens(incoming: Incoming) -> Reply:
    _refuse_state(decode(_RESPOND, incoming.body))
    return json_reply({"object": "response.input_tokens", "input_tokens": tokens(len(incoming.body))})


def _question(asked: _Respond) -> Question:
    items = [_Item(role="user", content=asked.input)] if isinstance(asked.input, str) else asked.input
    turns = [item for item in items if item.type != "additional_tools"]
    is_result = bool(turns) and turns[-1].type.endswith("_call_output")
    return Question(
        text=next((_text(item.content) for item in reversed(items) if item.role == "user"), ""),
        tool_result=_text(turns[-1].output) if is_result else None,
        tools=_tools(asked, items),
        schema=_schema(asked.text.format if asked.text else None),
    )


def _text(content: str | list[_Part] | None) -> str:
    return " ".join(part.text for part in content if part.text) if isinstance(content, list) else content or ""


def _tools(asked: _Respond, items: list[_Item]) -> tuple[Tool, ...]:
    given = [*(asked.tools or []), *(tool for item in items for tool in item.tools or [])]
    declared = [_tool(tool) for tool in given if tool.type == "function"]
    choice = asked.tool_choice
    if choice == "none":
        return ()
    if not isinstance(choice, _Choice):
        return tuple(declared)
    if choice.type == "allowed_tools":
        names = {tool.name for tool in choice.tools or []}
        return tuple(tool for tool in declared if tool.name in names)
    if choice.type != "function":
        raise RequestError("The demo calls functions only", param="tool_choice")
    return called(declared, choice.name or "")


def _tool(tool: _Tool) -> Tool:
    return Tool(tool.name, msgspec.json.decode(tool.parameters) if bytes(tool.parameters) else None)


def _schema(wanted: _Format | None) -> object | None:
    if wanted is None or wanted.type == "text":
        return None
    schema: object = ANY_JSON if wanted.type == "json_object" else msgspec.json.decode(wanted.schema)
    return schema


class _Answer:
    """One response with one output item, whole or as the events that build it."""

    def __init__(self, asked: _Respond, incoming: Incoming, said: Said) -> None:
        self._said = said
        self._seed = incoming.seed
        self._number = count().__next__
        given = {name: _in_a_line(raw) for name, raw in decode(_FIELDS, incoming.body).items() if bytes(raw) != b"null"}
        entered, written = tokens(len(incoming.body)), tokens(said.size_bytes)
        self._usage = {
            "input_tokens": entered,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": entered + written,
        }
        self._fields = {
            "id": f"resp_{incoming.seed}",
            "object": "response",
            "created_at": incoming.created_s,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": asked.model,
            "previous_response_id": None,
            "service_tier": "default",
            "store": False,
            **{name: given.get(name, default) for name, default in _DEFAULTS.items()},
        }

    def whole(self) -> _Object:
        item = self._call(call) if (call := self._said.call) else self._message(self._said.text)
        return {**self._fields, "status": "completed", "output": [item], "usage": self._usage}

    def pieces(self) -> Iterator[bytes]:
        begun = {**self._fields, "status": "in_progress", "output": [], "usage": None}
        yield self._event("response.created", response=begun) + self._event("response.in_progress", response=begun)
        yield from self._call_events(call) if (call := self._said.call) else self._message_events()
        yield self._event("response.completed", response=self.whole())

    def _message_events(self) -> Iterator[bytes]:
        text = self._said.text
        at = {"item_id": f"msg_{self._seed}", "output_index": 0, "content_index": 0}
        opened = self._message(None)
        yield self._event("response.output_item.added", output_index=0, item=opened) + self._event(
            "response.content_part.added", **at, part=_output_text("")
        )
        for fragment in fragments(text):
            yield self._event("response.output_text.delta", **at, delta=fragment, logprobs=[])
        yield (
            self._event("response.output_text.done", **at, text=text, logprobs=[])
            + self._event("response.content_part.done", **at, part=_output_text(text))
            + self._event("response.output_item.done", output_index=0, item=self._message(text))
        )

    def _call_events(self, call: Call) -> Iterator[bytes]:
        item = self._call(call)
        at = {"item_id": item["id"], "output_index": 0}
        opened = item | {"arguments": "", "status": "in_progress"}
        yield self._event("response.output_item.added", output_index=0, item=opened)
        for fragment in fragments(call.json):
            yield self._event("response.function_call_arguments.delta", **at, delta=fragment)
        done = self._event("response.function_call_arguments.done", **at, name=call.name, arguments=call.json)
        yield done + self._event("response.output_item.done", output_index=0, item=item)

    def _message(self, text: str | None) -> _Object:
        """The message item, just opened if it has no text yet."""
        status = "in_progress" if text is None else "completed"
        content = [] if text is None else [_output_text(text)]
        return {
            "id": f"msg_{self._seed}",
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def _call(self, call: Call) -> _Object:
        return {
            "id": f"fc_{self._seed}",
            "type": "function_call",
            "call_id": f"call_{self._seed}",
            "name": call.name,
            "arguments": call.json,
            "status": "completed",
        }

    def _event(self, kind: str, **fields: object) -> bytes:
        return typed_event({"type": kind, "sequence_number": self._number(), **fields})


def _in_a_line(raw: msgspec.Raw) -> msgspec.Raw:
    """A client may lay out its JSON in lines, and a line's end in an event is the end of its data."""
    return msgspec.Raw(msgspec.json.format(bytes(raw), indent=-1))


def _output_text(text: str) -> _Object:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
