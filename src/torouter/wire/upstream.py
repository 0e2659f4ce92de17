"""One method towards an upstream: `Upstream.send`. Only this room knows which HTTP client stands behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

__all__ = ["Deadlines", "Headers", "Origin", "Request", "Response", "Upstream"]

Headers = list[tuple[bytes, bytes]]
"""Header fields in order, names in lower case."""


class Origin(msgspec.Struct, frozen=True, cache_hash=True):
    """Where connections go: they are pooled by this. `scheme` is `http`, `https`, or `memory` (no socket)."""

    scheme: str
    host: str
    port: int


class Deadlines(msgspec.Struct, frozen=True):
    """Seconds. `head_s`: from the request's last byte to the response head; `idle_s`: between two reads of a body.
    `first_token_s`: from the request's last byte until the answer is said to have begun (`Response.begun`); `total_s`:
    to the answer's end. 0: no such deadline."""

    connect_s: float = 10.0
    head_s: float = 600.0
    idle_s: float = 300.0
    first_token_s: float = 0.0
    total_s: float = 0.0

    @property
    def of_whole(self) -> Deadlines:
        """Of an answer that comes at once: its head is its first token."""
        return msgspec.structs.replace(self, first_token_s=0.0) if self.first_token_s else self


class Request(msgspec.Struct, frozen=True):
    """A request ready to be written. `head` ends before `content-length`: request line and headers, each with CRLF;
    the client appends the length and the blank line. `target` is its path and query (for errors and tests)."""

    origin: Origin
    method: bytes
    target: bytes
    head: bytes
    body: bytes
    deadlines: Deadlines

    def __repr__(self) -> str:
        """Without the head: the channel's key stands in it."""
        return f"Request({self.method!r}, {self.origin!r}, {self.target!r})"


class Response(Protocol):
    """A response whose head has come. Exactly one of `read` and `pipe` is used; `close` always, and more than once is
    fine: it gives the connection back if the response was read whole, and drops it otherwise.

    All but `begun`, `close`, `pause` and `resume` raise `UpstreamError` (phase `body` or `stream`).
    """

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...

    def header(self, name: bytes, /) -> bytes:
        """The first value of a header, or empty bytes."""
        ...

    @property
    def body(self) -> bytes | None:
        """The whole body if it has already come with the head, else `None`: the fast path of small answers."""
        ...

    async def read(self, limit_bytes: int, /) -> bytes: ...

    async def pipe(self, sink: Callable[[bytes], None], /) -> None:
        """Calls `sink` with each piece as it arrives, without a task in between; returns at the end of the body.
        What `sink` raises is raised here, and the connection dropped."""
        ...

    def begun(self) -> None:
        """Its first meaningful event has come: `first_token_s` is met."""
        ...

    def pause(self) -> None:
        """Stop reading from the socket: the client is slower than the upstream."""
        ...

    def resume(self) -> None: ...

    def close(self) -> None: ...


class Upstream(Protocol):
    async def send(self, request: Request, /) -> Response:
        """Writes the request and waits for the response head. Raises `UpstreamError` with phase `connect`, `send` or
        `head`. Cancelling it drops the connection at once."""
        ...

    async def close(self) -> None: ...
