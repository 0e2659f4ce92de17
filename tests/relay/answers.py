"""Answers of upstreams in each dialect, made of the same words, with and without figures."""

from __future__ import annotations

import json
from collections.abc import Mapping

from torouter.units import DIALECTS, Dialect
from torouter.wire.memory import Reply

__all__ = ["DIALECTS", "INPUT", "OUTPUT", "PATHS", "WORDS", "asking", "frames_of", "last_mark", "streamed", "whole"]

WORDS = tuple(f"word number {number} " for number in range(40))
"""658 bytes of text: about 164 tokens."""
INPUT, OUTPUT = 100, 40
"""What upstreams say that they used."""

PATHS: Mapping[Dialect, tuple[str, str]] = {
    "openai-chat": ("/v1/chat/completions", "/v1/chat/completions"),
    "openai-responses": ("/v1/responses", "/v1/responses"),
    "anthropic": ("/v1/messages", "/v1/messages"),
    "gemini": ("/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent?alt=sse"),
}
"""Of a whole answer, and of a stream."""

_PROMPT = "Tell me a number of words. " * 8


def asking(dialect: Dialect, *, stream: bool) -> tuple[str, dict[str, object]]:
    """Path and body. The prompt has 216 bytes."""
    message = {"role": "user", "content": _PROMPT}
    bodies: dict[Dialect, dict[str, object]] = {
        "openai-chat": {"model": "m", "messages": [message]},
        "openai-responses": {"model": "m", "input": _PROMPT},
        "anthropic": {"model": "m", "max_tokens": 1000, "messages": [message]},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": _PROMPT}]}]},
    }
    body = bodies[dialect]
    if stream and dialect != "gemini":
        body["stream"] = True
    return PATHS[dialect][stream], body


def _data(event: object) -> bytes:
    return b"data: %b\n\n" % json.dumps(event).encode()


def _event(event: Mapping[str, object]) -> bytes:
    return f"event: {event['type']}\n".encode() + _data(event)


def _response(usage: bool, text: str, status: str = "completed") -> dict[str, object]:
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": status, "content": []}
    if text:
        item["content"] = [{"type": "output_text", "text": text, "annotations": []}]
    response = {"id": "resp_1", "object": "response", "created_at": 1, "model": "up-m", "status": status}
    response |= {"output": [item] if text else [], "error": None, "incomplete_details": None}
    if usage:
        response["usage"] = {"input_tokens": INPUT, "output_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}
    return response


def frames_of(dialect: Dialect, *, usage: bool = True) -> list[bytes]:
    """A stream, event by event: something in front, one for each of the words, something behind."""
    match dialect:
        case "openai-chat":
            return _chat_frames(usage)
        case "openai-responses":
            return _responses_frames(usage)
        case "anthropic":
            return _messages_frames(usage)
        case "gemini":
            return _gemini_frames(usage)


def _chat_frames(usage: bool) -> list[bytes]:
    def chunk(delta: object, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return _data({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "up-m", "choices": [choice]})

    figures = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": word}) for word in WORDS),
        chunk({}, "stop"),
        *([_data({"id": "c", "choices": [], "usage": figures})] if usage else []),
        b"data: [DONE]\n\n",
    ]


def _responses_frames(usage: bool) -> list[bytes]:
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
    part = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    text = {"type": "output_text", "text": "", "annotations": []}
    said = "".join(WORDS)
    events = [
        {"type": "response.created", "response": _response(False, "", "in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **part, "part": text},
        *({"type": "response.output_text.delta", **part, "delta": word} for word in WORDS),
        {"type": "response.output_text.done", **part, "text": said},
        {"type": "response.content_part.done", **part, "part": {**text, "text": said}},
        {"type": "response.output_item.done", "output_index": 0, "item": {**item, "status": "completed"}},
        {"type": "response.completed", "response": _response(usage, said)},
    ]
    return [_event({**event, "sequence_number": number}) for number, event in enumerate(events)]


def _messages_frames(usage: bool) -> list[bytes]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up-m", "content": []}
    message |= {"stop_reason": None, "stop_sequence": None}
    if usage:
        message["usage"] = {"input_tokens": INPUT, "output_tokens": 3}
    ended = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}}
    if usage:
        ended["usage"] = {"output_tokens": OUTPUT}
    delta = {"type": "content_block_delta", "index": 0}
    events = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({**delta, "delta": {"type": "text_delta", "text": word}} for word in WORDS),
        {"type": "content_block_stop", "index": 0},
        ended,
        {"type": "message_stop"},
    ]
    return [_event(event) for event in events]


def _gemini_frames(usage: bool) -> list[bytes]:
    frames = []
    for number, word in enumerate(WORDS, 1):
        candidate: dict[str, object] = {"content": {"role": "model", "parts": [{"text": word}]}, "index": 0}
        if number == len(WORDS):
            candidate["finishReason"] = "STOP"
        chunk: dict[str, object] = {"candidates": [candidate], "modelVersion": "up-m", "responseId": "r"}
        if usage:
            chunk["usageMetadata"] = {
                "promptTokenCount": INPUT,
                "candidatesTokenCount": number,
                "totalTokenCount": INPUT + number,
            }
        frames.append(_data(chunk))
    return frames


def last_mark(dialect: Dialect) -> bytes:
    """What tells that a stream is whole; of Gemini's, nothing but the end of the body."""
    marks: dict[Dialect, bytes] = {
        "openai-chat": b"[DONE]",
        "openai-responses": b'"response.completed"',
        "anthropic": b'"message_stop"',
        "gemini": b"",
    }
    return marks[dialect]


def streamed(*frames: bytes, pace_s: float = 0.0, **options: object) -> Reply:
    return Reply(200, [(b"content-type", b"text/event-stream")], frames, pace_s, **options)  # type: ignore[arg-type]


def whole(dialect: Dialect, *, usage: bool = True) -> dict[str, object]:
    """The body of a whole answer."""
    text, total = "".join(WORDS), INPUT + OUTPUT
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up-m", "stop_reason": "end_turn"}
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, "finishReason": "STOP"}
    bodies: dict[Dialect, dict[str, object]] = {
        "openai-chat": {"id": "c", "object": "chat.completion", "created": 1, "model": "up-m", "choices": [choice]},
        "openai-responses": _response(usage, text),
        "anthropic": {**message, "content": [{"type": "text", "text": text}], "stop_sequence": None},
        "gemini": {"candidates": [candidate], "modelVersion": "up-m"},
    }
    figures: dict[Dialect, tuple[str, dict[str, int]]] = {
        "openai-chat": ("usage", {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": total}),
        "openai-responses": ("usage", {"input_tokens": INPUT, "output_tokens": OUTPUT, "total_tokens": total}),
        "anthropic": ("usage", {"input_tokens": INPUT, "output_tokens": OUTPUT}),
        "gemini": (
            "usageMetadata",
            {"promptTokenCount": INPUT, "candidatesTokenCount": OUTPUT, "totalTokenCount": total},
        ),
    }
    body = bodies[dialect]
    if usage:
        name, said = figures[dialect]
        body[name] = said
    return body
