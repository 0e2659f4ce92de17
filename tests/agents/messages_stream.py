"""How a Messages upstream writes a stream: its opening, its blocks, its ending."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

__all__ = ["ending", "opening", "text", "thinking", "tool_use"]


def _event(name: str, **fields: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()


def opening(model: str, *, message_id: str = "msg_01Scripted") -> Iterator[bytes]:
    """`model` is what the client asked for: Claude Code drops the thinking of a model that calls itself by another name
    (2.1.197, seen 2026-11), and the signature could not be followed into turn two. It joins messages of one id."""
    message: dict[str, object] = {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 20, "output_tokens": 1},
    }
    yield _event("message_start", message=message)
    yield _event("ping")


def _block(index: int, start: dict[str, object], deltas: Sequence[dict[str, object]]) -> Iterator[bytes]:
    yield _event("content_block_start", index=index, content_block=start)
    for delta in deltas:
        yield _event("content_block_delta", index=index, delta=delta)
    yield _event("content_block_stop", index=index)


def text(index: int, text: str) -> Iterator[bytes]:
    middle = len(text) // 2
    deltas: list[dict[str, object]] = [{"type": "text_delta", "text": part} for part in (text[:middle], text[middle:])]
    return _block(index, {"type": "text", "text": ""}, deltas)


def thinking(index: int, text: str, signature: str) -> Iterator[bytes]:
    deltas: list[dict[str, object]] = [
        {"type": "thinking_delta", "thinking": text},
        {"type": "signature_delta", "signature": signature},
    ]
    return _block(index, {"type": "thinking", "thinking": "", "signature": ""}, deltas)


def tool_use(index: int, call_id: str, name: str, arguments: object) -> Iterator[bytes]:
    written = json.dumps(arguments)
    deltas: list[dict[str, object]] = [
        {"type": "input_json_delta", "partial_json": part} for part in ("", written[:11], written[11:])
    ]
    return _block(index, {"type": "tool_use", "id": call_id, "name": name, "input": {}}, deltas)


def ending(stop_reason: str) -> Iterator[bytes]:
    yield _event(
        "message_delta", delta={"stop_reason": stop_reason, "stop_sequence": None}, usage={"output_tokens": 30}
    )
    yield _event("message_stop")
