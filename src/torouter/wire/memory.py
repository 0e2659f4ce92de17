"""An upstream without sockets: a function from request to reply, with the manners of a real one.

The demo channel is served by it, and tests use it where a socket would prove nothing more. Paces, pauses, closing and
cancellation behave as over a connection; what it cannot have is a connection that fails, so a handler raises that
(`UpstreamError`, from the handler or as a reply's `fault`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torouter.errors import UpstreamError
from torouter.wire.upstream import Headers, Request, Response

__all__ = ["MemoryUpstream", "Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """`pieces` arrive `pace_s` seconds apart, the first at once. A single piece is a whole body, there with the head.
    `fault` is raised after the last piece, in place of the body's end."""

    status: int
    headers: Headers
    pieces: Sequence[bytes]
    pace_s: float = 0.0
    fault: UpstreamError | None = None


class MemoryUpstream:
    """An `Upstream` in this process. The handler must be quick: it runs on the event loop."""

    __slots__ = ("_handler",)

    def __init__(self, handler: Callable[[Request], Reply]) -> None:
        self._handler = handler

    async def send(self, request: Request, /) -> Response:
        return _MemoryResponse(self._handler(request))

    async def close(self) -> None:
        """Nothing is held open."""


class _MemoryResponse:
    __slots__ = ("_is_closed", "_is_paused", "_reply", "_wake")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._is_closed = False
        self._is_paused = False
        self._wake: asyncio.Future[None] | None = None

    @property
    def status(self) -> int:
        return self._reply.status

    @property
    def headers(self) -> Headers:
        return self._reply.headers

    def header(self, name: bytes, /) -> bytes:
        return next((value for key, value in self._reply.headers if key == name), b"")

    @property
    def body(self) -> bytes | None:
        if self._reply.fault is not None or len(self._reply.pieces) > 1:
            return None
        return b"".join(self._reply.pieces)

    async def read(self, limit_bytes: int, /) -> bytes:
        parts: list[bytes] = []
        size = 0

        def keep(piece: bytes) -> None:
            nonlocal size
            size += len(piece)
            if size > limit_bytes:
                raise UpstreamError(f"the answer is longer than {limit_bytes} bytes", phase="body")
            parts.append(piece)

        await self.pipe(keep)
        return b"".join(parts)

    async def pipe(self, sink: Callable[[bytes], None], /) -> None:
        for index, piece in enumerate(self._reply.pieces):
            await self._turn(self._reply.pace_s if index else 0.0)
            sink(piece)
        # A sink that pauses on the last piece is not told of the end before it resumes.
        await self._turn(0.0)
        if self._reply.fault is not None:
            raise self._reply.fault

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False
        self._release()

    def close(self) -> None:
        self._is_closed = True
        self._release()

    async def _turn(self, delay_s: float) -> None:
        """Waits until the next piece may come: first the pace, then the end of a pause."""
        due_s = asyncio.get_running_loop().time() + delay_s
        while not self._is_closed and (left_s := due_s - asyncio.get_running_loop().time()) > 0.0:
            await self._sleep(left_s)
        while self._is_paused and not self._is_closed:
            await self._sleep(None)
        if self._is_closed:
            raise UpstreamError("the response was closed", phase="stream")

    async def _sleep(self, delay_s: float | None) -> None:
        """Sleeps for a time, or until `_release`. No task and no lock: one future, one timer."""
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        timer = loop.call_later(delay_s, self._release) if delay_s is not None else None
        try:
            await self._wake
        finally:
            self._wake = None
            if timer is not None:
                timer.cancel()

    def _release(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
