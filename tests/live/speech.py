"""One text said in any of the four dialects, whole or word by word, with the usage that goes with it.

What a fault does to an answer is done to these frames: they know what opens a stream, what carries text, and what ends
it. The small texts and figures are made up; the forms are those of the recordings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.live.upstream import Answer, json_answer, sse_answer

__all__ = ["Speech", "Spoken", "speech", "whole"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """The usage that is told. `input_tokens` are all of the prompt, `cached_tokens` of them came from a cache."""

    input_tokens: int = 10
    output_tokens: int = 5
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """A stream's frames. `opening` says nothing yet, each of `words` carries text; `ending` has the reason and usage,
    and `terminator` is what the dialect stops with (Gemini has none: its last chunk carries text, reason and usage)."""

    opening: tuple[bytes, ...]
    words: tuple[bytes, ...]
    ending: tuple[bytes, ...]
    terminator: tuple[bytes, ...]

    @property
    def frames(self) -> tuple[bytes, ...]:
        return (*self.opening, *self.words, *self.ending, *self.terminator)

    def answer(self, *, pace_s: float = 0.0) -> Answer:
        return sse_answer(*self.frames, pace_s=pace_s)


def speech(dialect: str, words: Sequence[str], spoken: Spoken = Spoken()) -> Speech:
    return _STREAMS[dialect](words, spoken)


def whole(dialect: str, words: Sequence[str], spoken: Spoken = Spoken()) -> Answer:
    return json_answer(_WHOLES[dialect]("".join(words), spoken))


def _data(told: Json) -> bytes:
    return b"data: %b\n\n" % json.dumps(told).encode()


def _event(told: Json) -> bytes:
    return b"event: %b\n%b" % (str(told["type"]).encode(), _data(told))


# openai-chat

_CHAT: Final = {"id": "chatcmpl-1", "created": 1, "model": "up"}


def _chat_usage(spoken: Spoken) -> Json:
    return {
        "prompt_tokens": spoken.input_tokens,
        "completion_tokens": spoken.output_tokens,
        "total_tokens": spoken.input_tokens + spoken.output_tokens,
        "prompt_tokens_details": {"cached_tokens": spoken.cached_tokens},
    }


def _chat_whole(text: str, spoken: Spoken) -> Json:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {**_CHAT, "object": "chat.completion", "choices": [choice], "usage": _chat_usage(spoken)}


def _chat_stream(words: Sequence[str], spoken: Spoken) -> Speech:
    def chunk(delta: Json, reason: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
        return _data({**_CHAT, "object": "chat.completion.chunk", "choices": choices})

    usage = _data({**_CHAT, "object": "chat.completion.chunk", "choices": [], "usage": _chat_usage(spoken)})
    return Speech(
        opening=(chunk({"role": "assistant", "content": ""}),),
        words=tuple(chunk({"content": word}) for word in words),
        ending=(chunk({}, "stop"), usage),
        terminator=(b"data: [DONE]\n\n",),
    )


# openai-responses


def _response(status: str, text: str | None, spoken: Spoken | None) -> Json:
    usage = spoken and {
        "input_tokens": spoken.input_tokens,
        "input_tokens_details": {"cached_tokens": spoken.cached_tokens},
        "output_tokens": spoken.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": spoken.input_tokens + spoken.output_tokens,
    }
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "up", "status": status, "error": None,
        "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True, "tools": [],
        "temperature": 1.0, "tool_choice": "auto", "top_p": 1.0,
        "output": [] if text is None else [_item("completed", text)], "usage": usage,
    }  # fmt: skip


def _item(status: str, text: str | None) -> Json:
    content = [] if text is None else [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content}


def _responses_whole(text: str, spoken: Spoken) -> Json:
    return _response("completed", text, spoken)


def _responses_stream(words: Sequence[str], spoken: Spoken) -> Speech:
    text, at = "".join(words), {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    told: list[Json] = [
        {"type": "response.created", "response": _response("in_progress", None, None)},
        {"type": "response.in_progress", "response": _response("in_progress", None, None)},
        {"type": "response.output_item.added", "output_index": 0, "item": _item("in_progress", None)},
        {"type": "response.content_part.added", **at, "part": part},
        *({"type": "response.output_text.delta", **at, "delta": word, "logprobs": []} for word in words),
        {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": {**part, "text": text}},
        {"type": "response.output_item.done", "output_index": 0, "item": _item("completed", text)},
        {"type": "response.completed", "response": _response("completed", text, spoken)},
    ]
    frames = [_event({**each, "sequence_number": number}) for number, each in enumerate(told)]
    spoken_to = 4 + len(words)
    return Speech(
        opening=tuple(frames[:4]),
        words=tuple(frames[4:spoken_to]),
        ending=tuple(frames[spoken_to:-1]),
        terminator=(frames[-1],),
    )


# anthropic


def _message(spoken: Spoken, output_tokens: int) -> Json:
    usage = {
        "input_tokens": spoken.input_tokens - spoken.cached_tokens,
        "cache_read_input_tokens": spoken.cached_tokens,
        "cache_creation_input_tokens": 0,
        "output_tokens": output_tokens,
    }
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "up", "stop_sequence": None, "usage": usage}


def _anthropic_whole(text: str, spoken: Spoken) -> Json:
    content = [{"type": "text", "text": text}]
    return {**_message(spoken, spoken.output_tokens), "content": content, "stop_reason": "end_turn"}


def _anthropic_stream(words: Sequence[str], spoken: Spoken) -> Speech:
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    opening: list[Json] = [
        {"type": "message_start", "message": {**_message(spoken, 1), "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
    ]
    ending: list[Json] = [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": spoken.output_tokens}},
    ]
    delta = {"type": "content_block_delta", "index": 0}
    return Speech(
        opening=tuple(map(_event, opening)),
        words=tuple(_event({**delta, "delta": {"type": "text_delta", "text": word}}) for word in words),
        ending=tuple(map(_event, ending)),
        terminator=(_event({"type": "message_stop"}),),
    )


# gemini


def _gemini_chunk(text: str, spoken: Spoken | None) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    told: Json = {"candidates": [candidate], "modelVersion": "up", "responseId": "g1"}
    if spoken is not None:
        candidate["finishReason"] = "STOP"
        told["usageMetadata"] = {
            "promptTokenCount": spoken.input_tokens,
            "cachedContentTokenCount": spoken.cached_tokens,
            "candidatesTokenCount": spoken.output_tokens,
            "totalTokenCount": spoken.input_tokens + spoken.output_tokens,
        }
    return told


def _gemini_stream(words: Sequence[str], spoken: Spoken) -> Speech:
    *most, last = words
    return Speech(
        opening=(),
        words=tuple(_data(_gemini_chunk(word, None)) for word in most),
        ending=(_data(_gemini_chunk(last, spoken)),),
        terminator=(),
    )


_STREAMS: Final[Mapping[str, Callable[[Sequence[str], Spoken], Speech]]] = {
    "openai-chat": _chat_stream,
    "openai-responses": _responses_stream,
    "anthropic": _anthropic_stream,
    "gemini": _gemini_stream,
}
_WHOLES: Final[Mapping[str, Callable[[str, Spoken], Json]]] = {
    "openai-chat": _chat_whole,
    "openai-responses": _responses_whole,
    "anthropic": _anthropic_whole,
    "gemini": _gemini_chunk,
}
