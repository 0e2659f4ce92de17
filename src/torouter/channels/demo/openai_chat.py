"""The demo in OpenAI Chat Completions: role, id and name once each, tool indexes from 0, usage last and if asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

import msgspec

from torouter.channels.demo.conversation import ANY_JSON, Question, Said, Tool, called, fragments, say
from torouter.channels.demo.incoming import Incoming, decode, tokens
from torouter.channels.demo.outgoing import event, json_reply, stream_reply
from torouter.errors import RequestError
from torouter.wire.memory import Reply

__all__ = ["chat"]


class _Part(msgspec.Struct):
    type: str
    text: str = ""


class _Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[_Part] | None = None


class _Function(msgspec.Struct):
    name: str
    parameters: msgspec.Raw = msgspec.Raw()


class _Tool(msgspec.Struct):
    type: str
    function: _Function | None = None


class _Named(msgspec.Struct):
    name: str


class _Allowed(msgspec.Struct):
    mode: Literal["auto", "required"]
    tools: list[_Tool]


class _Choice(msgspec.Struct):
    type: str
    function: _Named | None = None
    allowed_tools: _Allowed | None = None


class _Schema(msgspec.Struct):
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class _Format(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _Schema | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Chat(msgspec.Struct):
    model: str
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    tools: list[_Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | _Choice | None = None
    response_format: _Format | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=16)] | None = None
    logprobs: bool | None = None


_CHAT: Final = msgspec.json.Decoder(_Chat)


def chat(incoming: Incoming) -> Reply:
    asked = decode(_CHAT, incoming.body)
    if asked.logprobs:
        raise RequestError("The demo has no log probabilities", param="logprobs")
    answer = _Answer(asked, incoming, say(_question(asked)))
    return stream_reply(list(answer.pieces())) if asked.stream else json_reply(answer.whole())


def _question(asked: _Chat) -> Question:
    last = asked.messages[-1]
    return Question(
        text=next((_text(message) for message in reversed(asked.messages) if message.role == "user"), ""),
        tool_result=_text(last) if last.role in ("tool", "function") else None,
        tools=_tools(asked),
        schema=_schema(asked.response_format),
    )


def _text(message: _Message) -> str:
    if isinstance(message.content, list):
        return " ".join(part.text for part in message.content if part.text)
    return message.content or ""


def _tools(asked: _Chat) -> tuple[Tool, ...]:
    declared = [_tool(tool.function) for tool in asked.tools or [] if tool.function is not None]
    choice = asked.tool_choice
    if choice == "none":
        return ()
    if not isinstance(choice, _Choice):
        return tuple(declared)
    if choice.allowed_tools is not None:
        names = {tool.function.name for tool in choice.allowed_tools.tools if tool.function is not None}
        return tuple(tool for tool in declared if tool.name in names)
    if choice.function is None:
        raise RequestError("The demo calls functions only", param="tool_choice")
    return called(declared, choice.function.name)


def _tool(function: _Function) -> Tool:
    return Tool(function.name, msgspec.json.decode(function.parameters) if bytes(function.parameters) else None)


def _schema(wanted: _Format | None) -> object | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return ANY_JSON
    if wanted.json_schema is None:
        raise RequestError("json_schema is missing", param="response_format.json_schema")
    schema: object = msgspec.json.decode(wanted.json_schema.schema)
    return schema


class _Answer:
    """One answer, whole or as chunks. Every choice of `n` says the same."""

    def __init__(self, asked: _Chat, incoming: Incoming, said: Said) -> None:
        self._said = said
        self._choices = range(asked.n or 1)
        self._asks_usage = bool(asked.stream_options and asked.stream_options.include_usage)
        self._call_id = f"call_{incoming.seed}"
        self._finish = "tool_calls" if said.call else "stop"
        self._head = {
            "id": f"chatcmpl-{incoming.seed}",
            "created": incoming.created_s,
            "model": asked.model,
            "system_fingerprint": "fp_demo",
        }
        entered, written = tokens(len(incoming.body)), tokens(said.size_bytes) * len(self._choices)
        self._usage = {
            "prompt_tokens": entered,
            "completion_tokens": written,
            "total_tokens": entered + written,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }

    def whole(self) -> dict[str, object]:
        choices = [
            {"index": index, "message": self._message(index), "logprobs": None, "finish_reason": self._finish}
            for index in self._choices
        ]
        return {**self._head, "object": "chat.completion", "choices": choices, "usage": self._usage}

    def pieces(self) -> Iterator[bytes]:
        for index in self._choices:
            for delta in self._deltas(index):
                yield self._chunk(index, delta, None)
        end = b"".join(self._chunk(index, {}, self._finish) for index in self._choices)
        if self._asks_usage:
            end += event({**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self._usage})
        yield end + b"data: [DONE]\n\n"

    def _message(self, index: int) -> dict[str, object]:
        message: dict[str, object] = {"role": "assistant", "content": self._said.text or None, "refusal": None}
        if (call := self._said.call) is None:
            return message | {"annotations": []}
        function = {"name": call.name, "arguments": call.json}
        return message | {"tool_calls": [{"id": self._id(index), "type": "function", "function": function}]}

    def _deltas(self, index: int) -> Iterator[Mapping[str, object]]:
        if (call := self._said.call) is None:
            yield {"role": "assistant", "content": "", "refusal": None}
            yield from ({"content": text} for text in fragments(self._said.text))
            return
        yield {"role": "assistant", "content": None}
        opened = {"index": 0, "id": self._id(index), "type": "function"}
        yield {"tool_calls": [opened | {"function": {"name": call.name, "arguments": ""}}]}
        for text in fragments(call.json):
            yield {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}

    def _chunk(self, index: int, delta: Mapping[str, object], finish: str | None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event({**self._head, "object": "chat.completion.chunk", "choices": [choice]})

    def _id(self, index: int) -> str:
        return f"{self._call_id}_{index}" if index else self._call_id
