"""Recorded provider traffic, read from `tests/recordings/` into one frozen record per exchange.

Recordings hold request and response bodies of JSON as parsed values. They become bytes here, once, in one way
(`json.dumps` with the recording's own key order), so that every test speaks of the same bytes. Streams are kept raw in
the recordings and are raw here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["PROTOCOLS", "RECORDINGS", "Exchange", "exchanges", "frames", "recorded"]

RECORDINGS = Path(__file__).parent / "recordings"

PROTOCOLS = (
    "openai-chat",
    "openai-embeddings",
    "openai-responses",
    "anthropic-messages",
    "anthropic-count-tokens",
    "gemini",
    "gemini-count-tokens",
    "gemini-embed",
    "models",
)
"""The folders that hold whole exchanges. (`responses-only` holds answers without their requests.)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer. Header names are in lower case; `query` values are single."""

    name: str
    """Where it is, as in `openai-chat/stream/004-deepseek-chat-…` (without `.json`)."""
    protocol: str
    host: str
    model: str
    is_stream: bool
    shows: tuple[str, ...]
    method: str
    path: str
    query: dict[str, str]
    request_headers: dict[str, str]
    request_body: bytes
    status: int
    response_headers: dict[str, str]
    response_body: bytes

    @property
    def label(self) -> str:
        """A short unique word: `openai-chat.s004`. Safe in a URL path and in a YAML key."""
        _, kind, file = self.name.split("/")
        return f"{self.protocol}.{kind[0]}{file[:3]}"

    @property
    def verb(self) -> str:
        """What stands behind the colon of a Gemini path, or nothing."""
        return self.path.rpartition(":")[2] if ":" in self.path else ""

    @property
    def content_type(self) -> str:
        """As recorded; where the recording has none, what its protocol would have said."""
        return self.response_headers.get("content-type") or (
            "text/event-stream" if self.response_body.startswith(b"data: ") else "application/json"
        )


@cache
def exchanges(protocol: str) -> tuple[Exchange, ...]:
    """Every exchange of a folder, streams first, in the order of their numbers."""
    folder = RECORDINGS / protocol
    return tuple(_read(path) for kind in ("stream", "json") for path in sorted((folder / kind).glob("*.json")))


def recorded(name: str) -> Exchange:
    """The exchange whose name starts with this: `recorded("openai-chat/stream/010")`."""
    found = [exchange for exchange in exchanges(name.split("/")[0]) if exchange.name.startswith(name)]
    assert len(found) == 1, f"{name} names {len(found)} recordings"
    return found[0]


def frames(raw: bytes) -> Iterator[bytes]:
    """An SSE text cut behind each blank line, as providers send it; nothing is added or lost."""
    start = 0
    while start < len(raw):
        ends = [at + len(gap) for gap in (b"\n\n", b"\r\n\r\n") if (at := raw.find(gap, start)) >= 0]
        end = min(ends, default=len(raw))
        yield raw[start:end]
        start = end


def _read(path: Path) -> Exchange:
    told = json.loads(path.read_text(encoding="utf-8"))
    request, response = told["request"], told["response"]
    return Exchange(
        name=str(path.relative_to(RECORDINGS).with_suffix("")),
        protocol=told["protocol"],
        host=told["host"],
        model=told["model"] or "",
        is_stream=bool(told["stream"]),
        shows=tuple(told["shows"]),
        method=request["method"],
        path=request["path"],
        query=dict(request["query"]),
        request_headers=dict(request["headers"]),
        request_body=_as_bytes(request["body"]),
        status=response["status"],
        response_headers=dict(response["headers"]),
        response_body=response["raw"].encode() if "raw" in response else _as_bytes(response["body"]),
    )


def _as_bytes(body: object) -> bytes:
    """A body as it would be written; text (a stream, or an empty body) stays what it is. js-genai's recorder keeps a
    body as a list of the pieces it came in, which the wire never saw."""
    if isinstance(body, list):
        [body] = body
    return body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
