"""How a Responses upstream writes: items, whole answers, and the whole grammar of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

__all__ = ["Item", "custom_tool_call", "frames", "function_call", "message", "reasoning", "response"]

Item = dict[str, Any]


def reasoning(seal: str, thought: str = "", *, number: int = 1) -> Item:
    summary = [{"type": "summary_text", "text": thought}] if thought else []
    return {"id": f"rs_{number:02}", "type": "reasoning", "summary": summary, "encrypted_content": seal}


def function_call(call_id: str, name: str, arguments: str, *, number: int = 1) -> Item:
    item = {"id": f"fc_{number:02}", "type": "function_call", "call_id": call_id, "name": name}
    return {**item, "arguments": arguments, "status": "completed"}


def custom_tool_call(call_id: str, name: str, text: str, *, number: int = 1) -> Item:
    item = {"id": f"ctc_{number:02}", "type": "custom_tool_call", "call_id": call_id, "name": name}
    return {**item, "input": text, "status": "completed"}


def message(text: str, *, number: int = 1) -> Item:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    return {"id": f"msg_{number:02}", "type": "message", "status": "completed", "role": "assistant", "content": content}


def frames(response_id: str, model: str, items: list[Item]) -> Iterator[bytes]:
    """The whole grammar of a stream: every item added, filled and done; sequence numbers count up over all events."""
    for number, (name, fields) in enumerate(_events(response_id, model, items)):
        yield f"event: {name}\ndata: {json.dumps({'type': name, 'sequence_number': number, **fields})}\n\n".encode()


def response(response_id: str, model: str, items: list[Item]) -> Item:
    """A whole answer."""
    usage = {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 30,
    }
    return {
        "id": response_id,
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": model,
        "output": items,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }


def _events(response_id: str, model: str, items: list[Item]) -> Iterator[tuple[str, Item]]:
    whole = response(response_id, model, items)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(items):
        yield "response.output_item.added", {"output_index": index, "item": _unfilled(item)}
        for name, fields in _filling(item):
            yield name, {"output_index": index, "item_id": item["id"], **fields}
        yield "response.output_item.done", {"output_index": index, "item": item}
    yield "response.completed", {"response": whole}


def _unfilled(item: Item) -> Item:
    empty: Item = {
        "function_call": {"arguments": ""},
        "custom_tool_call": {"input": ""},
        "message": {"content": [], "status": "in_progress"},
        "reasoning": {"summary": []},
    }
    return {**item, **empty.get(item["type"], {})}


def _filling(item: Item) -> Iterator[tuple[str, Item]]:
    """The events between an item's `added` and its `done`."""
    if item["type"] == "function_call":
        arguments: str = item["arguments"]
        for part in (arguments[:9], arguments[9:]):
            yield "response.function_call_arguments.delta", {"delta": part}
        yield "response.function_call_arguments.done", {"name": item["name"], "arguments": arguments}
    if item["type"] == "custom_tool_call":
        text: str = item["input"]
        for part in (text[:9], text[9:]):
            yield "response.custom_tool_call_input.delta", {"delta": part}
        yield "response.custom_tool_call_input.done", {"input": text}
    for index, part in enumerate(item.get("summary", ())):
        at = {"summary_index": index}
        yield "response.reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}
        yield "response.reasoning_summary_text.delta", {**at, "delta": part["text"]}
        yield "response.reasoning_summary_text.done", {**at, "text": part["text"]}
        yield "response.reasoning_summary_part.done", {**at, "part": part}
    if item["type"] == "message":
        (part,) = item["content"]
        at = {"content_index": 0}
        yield "response.content_part.added", {**at, "part": {**part, "text": ""}}
        for delta in (part["text"][:9], part["text"][9:]):
            yield "response.output_text.delta", {**at, "delta": delta, "logprobs": []}
        yield "response.output_text.done", {**at, "text": part["text"], "logprobs": []}
        yield "response.content_part.done", {**at, "part": part}
