"""An upstream without sockets: a function from request to reply, with the manners of a real one.

The demo channel is served by it, and tests use it where a socket would prove nothing more. Paces, pauses, deadlines of
the body, closing and cancellation behave as over a connection; what it cannot have is a connection that fails, so a
handler raises that (`UpstreamError`, from the handler or as a reply's `fault`).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torouter.errors import UpstreamError
from torouter.wire.faults import Fault, FaultCode
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
        return _MemoryResponse(self._handler(request), request)

    async def close(self) -> None:
        """Nothing is held open."""


class _MemoryResponse:
    __slots__ = ("_deadlines", "_has_begun", "_host", "_is_closed", "_is_paused", "_reply", "_sent_s", "_wake")

    def __init__(self, reply: Reply, request: Request) -> None:
        self._reply = reply
        self._deadlines = request.deadlines
        self._host = request.origin.host
        self._sent_s = asyncio.get_running_loop().time()
        self._has_begun = False
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

    def begun(self) -> None:
        self._has_begun = True

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
        began_s = asyncio.get_running_loop().time()
        due_s = began_s + delay_s
        while not self._is_closed and (left_s := due_s - asyncio.get_running_loop().time()) > 0.0:
            await self._sleep(min(left_s, self._left_s(began_s)))
        while self._is_paused and not self._is_closed:
            left_s = self._left_s(None)
            await self._sleep(None if left_s == math.inf else left_s)
        if self._is_closed:
            raise UpstreamError("the response was closed", phase="stream", code="upstream_reset")

    def _left_s(self, silent_since_s: float | None) -> float:
        """Until the next of the deadlines, or raises that it has passed. `None`: the silence is our own."""
        limits, now_s = self._deadlines, asyncio.get_running_loop().time()
        dues: list[tuple[float, FaultCode]] = []
        if silent_since_s is not None and limits.idle_s:
            dues.append((silent_since_s + limits.idle_s, "upstream_idle_timeout"))
        if limits.first_token_s and not self._has_begun:
            dues.append((self._sent_s + limits.first_token_s, "upstream_first_token_timeout"))
        if limits.total_s:
            dues.append((self._sent_s + limits.total_s, "upstream_total_timeout"))
        if not dues:
            return math.inf
        due_s, code = min(dues)
        if due_s <= now_s:
            fault = Fault("it took too long", "timeout", code)
            raise fault.error(self._host, "stream", self.status, self.headers)
        return due_s - now_s

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
