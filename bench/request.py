"""The one request that all loads send: a chat of about 600 bytes, whole or streamed."""

from __future__ import annotations

import json

__all__ = ["CLOSED_MODEL", "MODEL", "PATH", "body", "raw"]

MODEL = "bench"
CLOSED_MODEL = "bench-closed"
"""Served too, but not on the key's list."""
PATH = "/v1/chat/completions"

_MESSAGES = [
    {"role": "system", "content": "You are a careful assistant. Answer briefly, in plain words."},
    {
        "role": "user",
        "content": "Turn these notes into three short points for a colleague and keep every name as it is: a gateway "
        "takes requests in the form of three vendors, checks the key, picks a channel that has the model, passes the "
        "bytes on, and writes down how many tokens were used.",
    },
]


def body(model: str = MODEL, *, is_stream: bool = False) -> bytes:
    chat: dict[str, object] = {"model": model, "messages": _MESSAGES, "temperature": 0.7, "max_tokens": 256}
    if is_stream:
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(chat).encode()


def raw(port: int, headers: dict[str, str], *, is_stream: bool) -> bytes:
    """The whole HTTP request."""
    content = body(is_stream=is_stream)
    fields = {"Host": f"127.0.0.1:{port}", **headers, "Content-Length": str(len(content))}
    lines = [f"POST {PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + content
