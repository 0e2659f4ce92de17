"""The demo in Anthropic Messages: one block at a time, opened empty and closed, cumulative usage in `message_delta`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

import msgspec

from torouter.channels.demo.conversation import Question, Said, Tool, called, fragments, say
from torouter.channels.demo.incoming import Incoming, decode, tokens
from torouter.channels.demo.outgoing import json_reply, stream_reply, typed_event
from torouter.errors import RequestError
from torouter.wire.memory import Reply

__all__ = ["count_tokens", "message"]

_Object = dict[str, object]


class _Inner(msgspec.Struct):
    type: str
    text: str = ""


class _Block(msgspec.Struct):
    type: str
    text: str = ""
    content: msgspec.Raw = msgspec.Raw()


class _Message(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: str | list[_Block]


class _Tool(msgspec.Struct):
    name: str = ""
    input_schema: msgspec.Raw = msgspec.Raw()


class _Choice(msgspec.Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None


class _Format(msgspec.Struct):
    type: Literal["json_schema"]
    schema: msgspec.Raw


class _OutputConfig(msgspec.Struct):
    format: _Format | None = None


class _Counted(msgspec.Struct):
    model: str
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]
    tools: list[_Tool] | None = None
    tool_choice: _Choice | None = None
    output_config: _OutputConfig | None = None


class _Asked(_Counted, kw_only=True):
    max_tokens: Annotated[int, msgspec.Meta(ge=0)]
    stream: bool | None = None


_COUNTED: Final = msgspec.json.Decoder(_Counted)
_ASKED: Final = msgspec.json.Decoder(_Asked)
_RESULT: Final = msgspec.json.Decoder(str | list[_Inner] | None)


def message(incoming: Incoming) -> Reply:
    asked = decode(_ASKED, incoming.body)
    answer = _Answer(asked.model, incoming, say(_question(asked)))
    return stream_reply(list(answer.pieces())) if asked.stream else json_reply(answer.whole())


def count_tokens(incoming: Incoming) -> Reply:
    decode(_COUNTED, incoming.body)
    return json_reply({"input_tokens": tokens(len(incoming.body))})


def _question(asked: _Asked) -> Question:
    # Claude Code puts system messages between the turns, also after the last.
    turns = [turn for turn in asked.messages if turn.role != "system"]
    return Question(
        text=next((_text(turn.content) for turn in reversed(turns) if turn.role == "user"), ""),
        tool_result=_result(turns[-1].content) if turns else None,
        tools=_tools(asked),
        schema=_schema(asked.output_config),
    )


def _text(content: str | list[_Block]) -> str:
    return " ".join(block.text for block in content if block.text) if isinstance(content, list) else content


def _result(content: str | list[_Block]) -> str | None:
    """The text of a turn's last tool result, or `None` if it has none."""
    results = [block for block in content if block.type == "tool_result"] if isinstance(content, list) else []
    if not results:
        return None
    raw = bytes(results[-1].content)
    said = decode(_RESULT, raw) if raw else None
    return " ".join(inner.text for inner in said if inner.text) if isinstance(said, list) else said or ""


def _tools(asked: _Asked) -> tuple[Tool, ...]:
    """The client's own tools; those that Anthropic runs or defines (typed, without a schema) are not called."""
    declared = [
        Tool(tool.name, msgspec.json.decode(tool.input_schema))
        for tool in asked.tools or []
        if bytes(tool.input_schema)
    ]
    choice = asked.tool_choice
    if choice is not None and choice.type == "none":
        return ()
    if choice is not None and choice.type == "tool" and choice.name is None:
        raise RequestError("tool_choice.name: Field required", param="tool_choice.name")
    return called(declared, choice.name if choice is not None and choice.type == "tool" else None)


def _schema(wanted: _OutputConfig | None) -> object | None:
    if wanted is None or wanted.format is None:
        return None
    schema: object = msgspec.json.decode(wanted.format.schema)
    return schema


class _Answer:
    """One message with one block, whole or as the events that build it."""

    def __init__(self, model: str, incoming: Incoming, said: Said) -> None:
        self._said = said
        self._model = model
        self._seed = incoming.seed
        self._stop_reason = "tool_use" if said.call else "end_turn"
        self._input_tokens = tokens(len(incoming.body))

    def whole(self) -> _Object:
        return self._message([self._block()], self._stop_reason, self._usage(tokens(self._said.size_bytes)))

    def pieces(self) -> Iterator[bytes]:
        begun = self._message([], None, self._usage(1))
        yield (
            typed_event({"type": "message_start", "message": begun})
            + typed_event({"type": "content_block_start", "index": 0, "content_block": self._opened()})
            + typed_event({"type": "ping"})
        )
        for delta in self._deltas():
            yield typed_event({"type": "content_block_delta", "index": 0, "delta": delta})
        ended = {"stop_reason": self._stop_reason, "stop_sequence": None}
        usage = self._usage(tokens(self._said.size_bytes))
        yield (
            typed_event({"type": "content_block_stop", "index": 0})
            + typed_event({"type": "message_delta", "delta": ended, "usage": usage})
            + typed_event({"type": "message_stop"})
        )

    def _message(self, content: list[_Object], stop_reason: str | None, usage: _Object) -> _Object:
        return {
            "id": f"msg_{self._seed}",
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": usage,
        }

    def _block(self) -> _Object:
        if (call := self._said.call) is None:
            return {"type": "text", "text": self._said.text}
        return self._opened() | {"input": call.arguments}

    def _opened(self) -> _Object:
        if (call := self._said.call) is None:
            return {"type": "text", "text": ""}
        return {"type": "tool_use", "id": f"toolu_{self._seed}", "name": call.name, "input": {}}

    def _deltas(self) -> Iterator[Mapping[str, object]]:
        if (call := self._said.call) is None:
            yield from ({"type": "text_delta", "text": text} for text in fragments(self._said.text))
        else:
            yield from ({"type": "input_json_delta", "partial_json": text} for text in fragments(call.json))

    def _usage(self, output_tokens: int) -> _Object:
        return {
            "input_tokens": self._input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": output_tokens,
        }
