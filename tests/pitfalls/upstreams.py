"""One answer in the words of each dialect's upstreams, streamed and whole.

An answer is a list of parts: `("reasoning", text)`, `("text", text)`, `("call", id, name, arguments)`, where empty
arguments say that the call has none. Streams give each text and each call's arguments in two pieces, but for Gemini,
whose calls come whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from tests.codecs.translation.gemini_roads import GEMINI, chunk, sse
from tests.codecs.translation.responses import RESPONSES, responses_sse
from tests.codecs.translation.roads import CHAT, MESSAGES, chat_chunk, chat_sse, messages_sse
from torouter.codecs.codec import Translation
from torouter.units import DIALECTS, Dialect

__all__ = ["CODECS_OF", "IN_EACH_ASKING_CELL", "IN_EACH_CELL", "End", "Part", "streamed", "whole"]

Json = dict[str, Any]
Part = tuple[str, ...]
End = Literal["stop", "length", "content_filter"]

CODECS_OF: dict[Dialect, Translation] = {
    "openai-chat": CHAT,
    "openai-responses": RESPONSES,
    "anthropic": MESSAGES,
    "gemini": GEMINI,
}
_CELLS = [(upstream, client) for upstream in DIALECTS for client in DIALECTS if upstream != client]
IN_EACH_CELL = pytest.mark.parametrize(
    ("upstream", "client"), _CELLS, ids=[f"{upstream}-for-{client}" for upstream, client in _CELLS]
)
"""Every pair that is translated, from its answer's side."""
IN_EACH_ASKING_CELL = pytest.mark.parametrize(
    ("client", "upstream"), [(client, up) for up, client in _CELLS], ids=[f"{client}-to-{up}" for up, client in _CELLS]
)
"""The same, from its request's."""


def streamed(dialect: Dialect, *parts: Part, end: End = "stop") -> bytes:
    """It uses 30 tokens of which 10 were cached, and 12 of output of which 4 were reasoning."""
    return _STREAMS[dialect](parts, end)


def whole(dialect: Dialect, *parts: Part, end: End = "stop") -> bytes:
    return json.dumps(_BODIES[dialect](parts, end)).encode()


def _halves(text: str) -> tuple[str, str]:
    middle = max(1, len(text) // 2)
    return text[:middle], text[middle:]


def _has_calls(parts: tuple[Part, ...]) -> bool:
    return any(part[0] == "call" for part in parts)


# Chat Completions.

_CHAT_USAGE: Json = {
    "prompt_tokens": 30,
    "completion_tokens": 12,
    "total_tokens": 42,
    "prompt_tokens_details": {"cached_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 4},
}
_CHAT_FIELDS = {"reasoning": "reasoning_content", "text": "content"}


def _chat_word(parts: tuple[Part, ...], end: End) -> str:
    return "tool_calls" if end == "stop" and _has_calls(parts) else end


def _chat_stream(parts: tuple[Part, ...], end: End) -> bytes:
    deltas = [{"role": "assistant", "content": ""}, *_chat_deltas(parts)]
    usage: Json = {"id": "c1", "choices": [], "usage": _CHAT_USAGE}
    return chat_sse(*map(chat_chunk, deltas), chat_chunk({}, _chat_word(parts, end)), usage)


def _chat_deltas(parts: tuple[Part, ...]) -> Iterator[Json]:
    calls = 0
    for kind, *said in parts:
        if kind != "call":
            yield from ({_CHAT_FIELDS[kind]: piece} for piece in _halves(said[0]))
            continue
        call_id, name, arguments = said
        first = {"index": calls, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
        yield {"tool_calls": [first]}
        yield from (
            {"tool_calls": [{"index": calls, "function": {"arguments": each}}]} for each in _halves(arguments) if each
        )
        calls += 1


def _chat_body(parts: tuple[Part, ...], end: End) -> Json:
    message: Json = {
        "role": "assistant",
        "content": "".join(said[0] for kind, *said in parts if kind == "text") or None,
    }
    message["reasoning_content"] = "".join(said[0] for kind, *said in parts if kind == "reasoning") or None
    message["tool_calls"] = [
        {"id": said[0], "type": "function", "function": {"name": said[1], "arguments": said[2]}}
        for kind, *said in parts
        if kind == "call"
    ]
    choice = {"index": 0, "message": message, "finish_reason": _chat_word(parts, end)}
    return {"id": "c1", "object": "chat.completion", "model": "up", "choices": [choice], "usage": _CHAT_USAGE}


# Responses.

_RESPONSES_USAGE: Json = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 10},
    "output_tokens": 12,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 42,
}


def _items(parts: tuple[Part, ...]) -> list[Json]:
    items: list[Json] = []
    for index, (kind, *said) in enumerate(parts):
        if kind == "call":
            call_id, name, arguments = said
            item: Json = {"type": "function_call", "id": f"fc_{index}", "call_id": call_id, "name": name}
            items.append({**item, "arguments": arguments, "status": "completed"})
        elif kind == "text":
            content = {"type": "output_text", "text": said[0], "annotations": []}
            item = {"type": "message", "id": f"msg_{index}", "role": "assistant", "status": "completed"}
            items.append({**item, "content": [content]})
        else:
            items.append(
                {"type": "reasoning", "id": f"rs_{index}", "summary": [{"type": "summary_text", "text": said[0]}]}
            )
    return items


def _responses_body(parts: tuple[Part, ...], end: End) -> Json:
    status: Json = {"status": "completed"}
    if end != "stop":
        reason = "max_output_tokens" if end == "length" else end
        status = {"status": "incomplete", "incomplete_details": {"reason": reason}}
    return {
        "id": "r1",
        "object": "response",
        "model": "up",
        "output": _items(parts),
        "usage": _RESPONSES_USAGE,
    } | status


def _responses_stream(parts: tuple[Part, ...], end: End) -> bytes:
    body = _responses_body(parts, end)
    events: list[Json] = [{"type": "response.created", "response": {**body, "status": "in_progress", "output": []}}]
    for index, item in enumerate(body["output"]):
        events += _item_events(index, item)
    events.append({"type": f"response.{body['status']}", "response": body})
    return responses_sse(*events)


def _item_events(index: int, item: Json) -> Iterator[Json]:
    at = {"output_index": index, "item_id": item["id"]}
    empty = {"message": {"content": []}, "reasoning": {"summary": []}, "function_call": {"arguments": ""}}
    yield {"type": "response.output_item.added", "output_index": index, "item": {**item, **empty[item["type"]]}}
    if item["type"] == "function_call":
        word, text, told = "response.function_call_arguments", item["arguments"], "arguments"
    elif item["type"] == "message":
        word, text, told = "response.output_text", item["content"][0]["text"], "text"
        at["content_index"] = 0
    else:
        word, text, told = "response.reasoning_summary_text", item["summary"][0]["text"], "text"
        at["summary_index"] = 0
    yield from ({"type": f"{word}.delta", **at, "delta": piece} for piece in _halves(text) if piece)
    yield {"type": f"{word}.done", **at, told: text}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


# Messages.

_MESSAGES_USAGE: Json = {
    "input_tokens": 20,
    "cache_read_input_tokens": 10,
    "output_tokens": 12,
    "output_tokens_details": {"thinking_tokens": 4},
}
_MESSAGES_WORDS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}


def _messages_word(parts: tuple[Part, ...], end: End) -> str:
    return "tool_use" if end == "stop" and _has_calls(parts) else _MESSAGES_WORDS[end]


def _messages_stream(parts: tuple[Part, ...], end: End) -> bytes:
    started = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up", "content": []}
    events: list[Json] = [{"type": "message_start", "message": {**started, "usage": {"input_tokens": 20}}}]
    for index, (kind, *said) in enumerate(parts):
        head, word, field, text = _block_words(kind, said)
        deltas = [{"type": word, field: piece} for piece in _halves(text) if piece]
        events.append({"type": "content_block_start", "index": index, "content_block": head})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": _messages_word(parts, end), "stop_sequence": None}
    events += [{"type": "message_delta", "delta": delta, "usage": _MESSAGES_USAGE}, {"type": "message_stop"}]
    return messages_sse(*events)


def _block_words(kind: str, said: list[str]) -> tuple[Json, str, str, str]:
    """(an empty block, its delta's type, the delta's field, all that it says)"""
    if kind == "call":
        head = {"type": "tool_use", "id": said[0], "name": said[1], "input": {}}
        return head, "input_json_delta", "partial_json", said[2]
    if kind == "text":
        return {"type": "text", "text": ""}, "text_delta", "text", said[0]
    return {"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta", "thinking", said[0]


def _messages_body(parts: tuple[Part, ...], end: End) -> Json:
    content: list[Json] = []
    for kind, *said in parts:
        head, _, field, text = _block_words(kind, said)
        content.append({**head, "input": json.loads(text or "{}")} if kind == "call" else {**head, field: text})
    body: Json = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up", "content": content}
    return {**body, "stop_reason": _messages_word(parts, end), "stop_sequence": None, "usage": _MESSAGES_USAGE}


# Gemini.

_GEMINI_USAGE: Json = {
    "promptTokenCount": 30,
    "cachedContentTokenCount": 10,
    "candidatesTokenCount": 8,
    "thoughtsTokenCount": 4,
    "totalTokenCount": 42,
}
_GEMINI_WORDS = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}


def _gemini_parts(parts: tuple[Part, ...], *, in_halves: bool) -> Iterator[Json]:
    for kind, *said in parts:
        if kind == "call":
            yield {"functionCall": {"id": said[0], "name": said[1], "args": json.loads(said[2] or "{}")}}
            continue
        thought = {"thought": True} if kind == "reasoning" else {}
        yield from ({"text": piece, **thought} for piece in (_halves(said[0]) if in_halves else said))


def _gemini_stream(parts: tuple[Part, ...], end: End) -> bytes:
    chunks = [chunk(part) for part in _gemini_parts(parts, in_halves=True)]
    return sse(*chunks, chunk(finish=_GEMINI_WORDS[end], usageMetadata=_GEMINI_USAGE))


def _gemini_body(parts: tuple[Part, ...], end: End) -> Json:
    said = _gemini_parts(parts, in_halves=False)
    return chunk(*said, finish=_GEMINI_WORDS[end], usageMetadata=_GEMINI_USAGE)


_STREAMS = {
    "openai-chat": _chat_stream,
    "openai-responses": _responses_stream,
    "anthropic": _messages_stream,
    "gemini": _gemini_stream,
}
_BODIES = {
    "openai-chat": _chat_body,
    "openai-responses": _responses_body,
    "anthropic": _messages_body,
    "gemini": _gemini_body,
}
