"""One answer as it arrives: llhttp's callbacks on one side, the `Response` that the relay reads on the other.

Every request has an `Answer` and a parser of its own, so nothing of one exchange can be left over for the next.
A streamed chunk costs one parser callback and one call of the sink; the awaiting task sleeps from the head to the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from torouter.errors import Phase, UpstreamError
from torouter.wire.faults import Fault, fault_of
from torouter.wire.upstream import Headers, Request

if TYPE_CHECKING:
    from torouter.wire.connection import Connection

__all__ = ["HEAD_LIMIT_BYTES", "HEAD_LIMIT_FIELDS", "HOLD_LIMIT_BYTES", "Answer", "StopParsing"]

HEAD_LIMIT_BYTES: Final = 64 * 1024
HEAD_LIMIT_FIELDS: Final = 200
HOLD_LIMIT_BYTES: Final = 256 * 1024
"""How much of a body is held for a caller that has not begun to read before the socket is no longer read."""

_HEAD_TOO_LARGE: Final = Fault("the response head is too large")
_CLOSED: Final = Fault("the answer was closed on our side before its end")


class StopParsing(Exception):
    """Raised in a callback to make llhttp give up; the reason, if it is one for the caller, is in the answer."""


class Answer:
    """`status` is 0 until the final head has come (1xx heads are skipped). `head` is done when it has, or never will.

    `fault` is what broke the answer; `is_lost` tells that the connection ended under it.
    """

    # Class attributes are the defaults: a small answer never sets most of them (0.5 µs less than slots that must be).
    fault: Fault | None = None
    is_complete = False
    is_lost = False
    status = 0
    unframed_bytes = 0
    """Bytes read since the last piece of body: heads, chunk sizes, trailers. Bounded by `HEAD_LIMIT_BYTES`."""
    _is_closed = False
    _is_held = False
    _is_paused = False
    _limit_bytes = -1
    _sink: Callable[[bytes], None] | None = None
    _sink_error: BaseException | None = None
    _size_bytes = 0

    def __init__(self, connection: Connection, request: Request, head: asyncio.Future[None]) -> None:
        self._connection = connection
        self._is_head_request = request.method == b"HEAD"
        self.head = head
        self._waiter = head
        self.headers: Headers = []
        self._pieces: list[bytes] = []

    # What the parser calls

    def on_message_begin(self) -> None:
        if self.is_complete:  # a second answer to one request
            raise StopParsing

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:  # trailers come after the head; nobody asks for them
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._connection.parsed_status()
        if status < 200:
            self.headers = []
            return
        if (
            self.unframed_bytes > HEAD_LIMIT_BYTES or len(self.headers) > HEAD_LIMIT_FIELDS
        ) and self._is_head_too_large():
            self.fail(_HEAD_TOO_LARGE)
            raise StopParsing
        self.status = status
        self._connection.expect_body()
        self._wake()
        if self._is_head_request:
            self.on_message_complete()

    def on_body(self, data: bytes) -> None:
        self.unframed_bytes = 0
        sink = self._sink
        if sink is None:
            self._hold(data)
            return
        try:
            sink(data)
        except BaseException as error:
            self._sink_error = error
            self._sink = None
            self.fail(Fault("the sink failed"))
            raise StopParsing from None

    def on_message_complete(self) -> None:
        if self.status:  # else an interim answer has ended
            self._complete(self._connection.parsed_keep_alive())

    # What the connection calls

    def on_eof(self) -> None:
        """The upstream will send no more: the regular end of a body without length, the premature one of others."""
        if self.status and self._is_until_close():
            self._complete(may_stay=False)
        else:
            self.on_lost(None)

    def on_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self.fail(fault_of(exc))

    def on_deadline(self, limit_s: float, is_sending: bool) -> None:
        if is_sending:
            what = "it took no more of the request"
        elif self.status:
            what = "it sent no more"
        else:
            what = "it did not answer"
        self.fail(Fault(f"{what} within {limit_s:g} s", "timeout"))

    def on_bloat(self) -> None:
        """Too many bytes without one of body: a head, a trailer or a chunk extension without end."""
        self.fail(_HEAD_TOO_LARGE)

    def fail(self, fault: Fault) -> None:
        """The first fault counts, and none after the end."""
        if not self.is_complete and self.fault is None:
            self.fault = fault
            self._wake()

    # What the client calls

    def error(self, phase: Phase) -> UpstreamError:
        fault = self.fault or _CLOSED
        return fault.error(self._connection.origin.host, phase, self.status, self.headers)

    # What the relay calls: `Response`

    def header(self, name: bytes, /) -> bytes:
        for field, value in self.headers:
            if field == name:
                return value
        return b""

    @property
    def body(self) -> bytes | None:
        if not self.is_complete:
            return None
        pieces = self._pieces
        if len(pieces) != 1:
            pieces[:] = [b"".join(pieces)]
        return pieces[0]

    async def read(self, limit_bytes: int, /) -> bytes:
        self._limit_bytes = limit_bytes
        if self._size_bytes > limit_bytes:
            self.close()
            raise self._oversize().error(self._connection.origin.host, "body", self.status, self.headers)
        if not self.is_complete:
            self._is_paused = False
            await self._end("body")
        return self.body or b""

    async def pipe(self, sink: Callable[[bytes], None], /) -> None:
        pieces, self._pieces = self._pieces, []
        try:
            for piece in pieces:
                sink(piece)
        except BaseException:
            self.close(force=True)
            raise
        if not self.is_complete:
            self._sink = sink
            await self._end("stream")

    def pause(self) -> None:
        if not self._is_closed:
            self._is_paused = True
            self._connection.pause_reading()

    def resume(self) -> None:
        self._is_paused = False
        self._continue()

    def close(self, *, force: bool = False) -> None:
        """`force` drops the connection even after a whole answer."""
        if self._is_closed:
            return
        self._is_closed = True
        if not self.is_complete:
            self._sink = None
            self.fail(_CLOSED)
        self._connection.finish(self, self.is_complete and not force)

    # Inside

    async def _end(self, phase: Phase) -> None:
        """Sleeps until the body is whole or broken."""
        if self.fault is None:
            self._is_held = False
            self._continue()
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            except BaseException:  # cancelled
                self.close()
                raise
        if self.is_complete:
            return
        self.close()
        if self._sink_error is not None:
            raise self._sink_error
        raise self.error(phase)

    def _hold(self, data: bytes) -> None:
        if self.is_complete or self._is_closed:  # a body after HEAD, or one that nobody wants any more
            raise StopParsing
        self._pieces.append(data)
        self._size_bytes += len(data)
        if self._limit_bytes < 0:
            if self._size_bytes > HOLD_LIMIT_BYTES:
                self._is_held = True
                self._connection.pause_reading()
        elif self._size_bytes > self._limit_bytes:
            self.fail(self._oversize())
            raise StopParsing

    def _continue(self) -> None:
        if not (self._is_held or self._is_paused or self._is_closed):
            self._connection.resume_reading()

    def _complete(self, may_stay: bool) -> None:
        if self.fault is not None:  # the sink closed us while the parser was still at work
            return
        self.is_complete = True
        if self._sink is not None:
            self._sink = None
        self._connection.may_stay = may_stay
        self._wake()

    def _wake(self) -> None:
        if not self._waiter.done():
            self._waiter.set_result(None)

    def _oversize(self) -> Fault:
        return Fault(f"the body exceeds {self._limit_bytes} bytes")

    def _is_head_too_large(self) -> bool:
        if len(self.headers) > HEAD_LIMIT_FIELDS:
            return True
        if self.unframed_bytes <= HEAD_LIMIT_BYTES:
            return False
        return sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_LIMIT_BYTES

    def _is_until_close(self) -> bool:
        """Neither a length nor final chunking (RFC 9112, section 6.3): the body ends with the connection."""
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        if codings:
            return not codings[-1].strip().lower().endswith(b"chunked")
        return not self.header(b"content-length")
