"""One answer as it arrives: what the parser has found on one side, the `Response` that the relay reads on the other.

Every request has an `Answer` of its own, so nothing of one exchange can be left over for the next. While a body streams
the awaiting coroutine sleeps from the head to the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from torouter.errors import Phase, UpstreamError
from torouter.wire.drive import Moment
from torouter.wire.faults import Fault, FaultCode, lost
from torouter.wire.upstream import Headers

if TYPE_CHECKING:
    from torouter.wire.connection import Connection

__all__ = ["HOLD_LIMIT_BYTES", "Answer"]

HOLD_LIMIT_BYTES: Final = 256 * 1024
"""How much of a body is held for a caller that has not begun to read before the socket is no longer read."""

_WORDS: Final[Mapping[FaultCode, str]] = {
    "upstream_no_answer": "it did not answer",
    "upstream_first_token_timeout": "its answer did not begin",
    "upstream_idle_timeout": "it sent no more",
    "upstream_total_timeout": "its answer did not end",
}
_CLOSED: Final = Fault("the answer was closed on our side before its end")


class Answer:
    """`status` is 0 until the final head has come (1xx heads are skipped). `news` is the next thing to wait for: the
    head or, once that is there, the end of the body; or that either will never come.

    `fault` is what broke the answer; `is_lost` tells that the connection ended under it.
    """

    # Class attributes are the defaults: a small answer never sets most of them (0.5 µs less than slots that must be).
    fault: Fault | None = None
    has_begun = False
    """Is the first token there, whatever its caller takes for that?"""
    is_complete = False
    is_lost = False
    sink: Callable[[bytes], None] | None = None
    """Where a body that is piped goes, piece by piece."""
    status = 0
    _is_closed = False
    _is_held = False
    _is_paused = False
    _limit_bytes = -1
    _room_bytes = HOLD_LIMIT_BYTES
    _sink_error: BaseException | None = None
    _size_bytes = 0

    def __init__(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self.headers: Headers = []
        self.news = Moment(loop=loop)
        self._pieces: list[bytes] = []

    # What the connection calls

    def hold(self, data: bytes) -> bool:
        """Keeps a piece of the body for `read`; false: it is not wanted."""
        self._size_bytes += len(data)
        if self._size_bytes > self._room_bytes and not self._is_kept_beyond():
            return False
        self._pieces.append(data)
        return True

    def complete(self) -> bool:
        """The body is whole. False: nobody is to be told."""
        if self.fault is not None:  # the sink closed us while the parser was still at work
            return False
        self.is_complete = True
        self.sink = None
        self._room_bytes = -1
        return True

    def on_sink_error(self, error: BaseException) -> None:
        self._sink_error = error
        self.sink = None
        self.fail(Fault("the sink failed"))

    def on_eof(self) -> None:
        """The upstream will send no more: the regular end of a body without length, the premature one of others."""
        if self.status and self._is_until_close():
            self.complete()
            self.news.come_soon()
        else:
            self.on_lost(None)

    def on_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self.fail(lost(exc))

    def on_deadline(self, code: FaultCode, limit_s: float, *, is_sending: bool = False) -> None:
        what = "it took no more of the request" if is_sending else _WORDS[code]
        self.fail(Fault(f"{what} within {limit_s:g} s", "timeout", code))

    def fail(self, fault: Fault) -> None:
        """The first fault counts, and none after the end."""
        if not self.is_complete and self.fault is None:
            self.fault = fault
            self.news.come_soon()

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
        if not self.is_complete:
            self._room_bytes = limit_bytes
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
            self.sink = sink
            await self._end("stream")

    def begun(self) -> None:
        self.has_begun = True

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
        self._room_bytes = -1
        if not self.is_complete:
            self.sink = None
            self.fail(_CLOSED)
        self._connection.finish(self, self.is_complete and not force)

    # Inside

    async def _end(self, phase: Phase) -> None:
        """Sleeps until the body is whole or broken."""
        if self.fault is None:
            self._is_held = False
            self._continue()
            self.news = Moment(loop=asyncio.get_running_loop())
            try:
                await self.news
            except BaseException:  # cancelled
                self.close()
                raise
        if self.is_complete:
            return
        self.close()
        if self._sink_error is not None:
            raise self._sink_error
        raise self.error(phase)

    def _is_kept_beyond(self) -> bool:
        """There is no room for what has come."""
        if self._room_bytes < 0:  # a body after HEAD, or one that nobody wants any more
            return False
        if self._limit_bytes >= 0:
            self.fail(self._oversize())
            return False
        self._is_held = True
        self._connection.pause_reading()
        return True

    def _continue(self) -> None:
        if not (self._is_held or self._is_paused or self._is_closed):
            self._connection.resume_reading()

    def _oversize(self) -> Fault:
        return Fault(f"the body exceeds {self._limit_bytes} bytes", code="upstream_malformed")

    def _is_until_close(self) -> bool:
        """Neither a length nor final chunking (RFC 9112, section 6.3): the body ends with the connection."""
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        if codings:
            return not codings[-1].strip().lower().endswith(b"chunked")
        return not self.header(b"content-length")
