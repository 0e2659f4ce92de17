"""One connection to an upstream: at most one request at a time, its answer parsed as it comes.

It is reused only after an answer that was read whole, that allows it, and that left nothing behind; whatever else
happens to it, it is dropped.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from httptools import HttpResponseParser

from torouter.wire.answer import HEAD_LIMIT_BYTES, Answer
from torouter.wire.exchange import JOIN_LIMIT_BYTES
from torouter.wire.faults import Fault, fault_of
from torouter.wire.proxy import Proxy, absolute_head
from torouter.wire.upstream import Origin, Request

if TYPE_CHECKING:
    from torouter.wire.pool import Pool

__all__ = ["Connection"]

_BODILESS: Final = frozenset((b"GET", b"HEAD"))
"""Methods whose empty body needs no `content-length: 0`."""


class Connection(asyncio.Protocol):
    """`proxy` is the forward proxy at the other end, if it wants absolute targets. `reads` counts the reads since the
    request was written. `may_stay` is the answer's own word on keep-alive."""

    __slots__ = (
        "_answer",
        "_deadline_s",
        "_idle_s",
        "_is_paused",
        "_is_sending",
        "_loop",
        "_parser",
        "_pool",
        "_seen_reads",
        "_seen_unsent_bytes",
        "_since",
        "_transport",
        "is_open",
        "may_stay",
        "origin",
        "proxy",
        "reads",
    )

    def __init__(self, pool: Pool, origin: Origin) -> None:
        self.origin = origin
        self.proxy: Proxy | None = None
        self.is_open = False
        self.may_stay = False
        self.reads = 0
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, None)  # stands from `connection_made` on, before any use
        self._answer: Answer | None = None
        self._parser: HttpResponseParser | None = None
        self._is_paused = False
        self._is_sending = False
        self._idle_s = 0.0
        self._deadline_s = pool.idle_s
        self._since = self._loop.time()
        self._seen_reads = -1
        self._seen_unsent_bytes = 0

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if transport.get_extra_info("sslcontext") is None:
            # Be told of the first byte that does not leave at once. (asyncio's TLS transport takes 0 for "always".)
            self._transport.set_write_buffer_limits(0)
        self.is_open = True
        self._pool.add(self)

    def data_received(self, data: bytes) -> None:
        self.reads += 1
        answer, parser = self._answer, self._parser
        if answer is None or parser is None or answer.is_complete:
            self.abort()  # nobody asked: whatever it says must never meet the next request
            return
        answer.unframed_bytes += len(data)
        try:
            parser.feed_data(data)
        except Exception as error:  # not HTTP, or a callback that gave up, which has left its own fault
            answer.fail(fault_of(error))
            self.abort()
        else:
            if answer.unframed_bytes > HEAD_LIMIT_BYTES:
                answer.on_bloat()
                self.abort()

    def eof_received(self) -> None:
        self._leave(None, is_eof=True)
        self._transport.abort()  # the loop's own close would wait for an unsent request to leave

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave(exc, is_eof=False)
        self._pool.remove(self)

    def pause_writing(self) -> None:
        self._is_sending = True

    def resume_writing(self) -> None:
        self._is_sending = False

    # What the client and the pool call

    def ask(self, request: Request) -> Answer:
        """Writes a request; its `Answer.head` is done when the head has come or will not come."""
        answer = Answer(self, request, self._loop.create_future())
        if not self.is_open:
            answer.on_lost(None)
            return answer
        deadlines = request.deadlines
        self._answer = answer
        self._parser = HttpResponseParser(answer)
        self.reads = 0
        self._idle_s = deadlines.idle_s
        self._watch(deadlines.head_s)
        self._write(request)
        return answer

    @property
    def is_sending(self) -> bool:
        """Is some of the request still on our side?"""
        return self._is_sending or (self.is_open and self._transport.get_write_buffer_size() > 0)

    @property
    def is_idle(self) -> bool:
        return self._answer is None

    def abort(self) -> None:
        """Drops the connection at once: no reuse, no lingering."""
        if self.is_open:
            self.is_open = False
            self._pool.forget(self)
            self._transport.abort()

    def abandon(self) -> None:
        """Opening it failed or was cancelled, perhaps after `connection_made`: uvloop (0.23) then closes the transport
        without a `connection_lost`."""
        self.abort()
        self._pool.remove(self)

    def fail(self, fault: Fault) -> None:
        """Drops the connection, with words for whoever waits on it."""
        if self._answer is not None:
            self._answer.fail(fault)
        self.abort()

    def check(self, now: float) -> None:
        """The sweep's look at the clock. Time counts from the first look without news, so no deadline comes early."""
        if not self.is_open:  # on its way out
            return
        answer = self._answer
        # A head that drips is no head: only reads of the body are news.
        reads = self.reads if answer is not None and answer.status else 0
        unsent_bytes = self._transport.get_write_buffer_size()
        is_our_turn = answer is not None and (self._is_paused or answer.is_complete)
        if is_our_turn or reads != self._seen_reads or unsent_bytes < self._seen_unsent_bytes:
            self._since = now
        elif now - self._since >= self._deadline_s:
            self._expire(answer, unsent_bytes)
        self._seen_reads = reads
        self._seen_unsent_bytes = unsent_bytes

    # What the answer calls

    def parsed_status(self) -> int:
        return self._parser.get_status_code() if self._parser is not None else 0

    def parsed_keep_alive(self) -> bool:
        return self._parser is not None and bool(self._parser.should_keep_alive())

    def expect_body(self) -> None:
        self._watch(self._idle_s)

    def pause_reading(self) -> None:
        if not self._is_paused and self.is_open:
            self._is_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._is_paused and self.is_open:
            self._is_paused = False
            self._seen_reads = -1
            self._transport.resume_reading()

    def finish(self, answer: Answer, may_stay: bool) -> None:
        """The answer is done with: back to the pool, or away."""
        if self._answer is not answer:
            return
        self._answer = self._parser = None
        if may_stay and self._may_stay():
            self._watch(self._pool.idle_s)
            self._pool.give(self)
        else:
            self.abort()

    # Inside

    def _write(self, request: Request) -> None:
        head, body = request.head, request.body
        if self.proxy is not None:
            head = absolute_head(request, self.proxy)
        if not body and request.method in _BODILESS:
            self._transport.write(head + b"\r\n")
        elif len(body) <= JOIN_LIMIT_BYTES:
            self._transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))
        else:
            self._transport.writelines((b"%bcontent-length: %d\r\n\r\n" % (head, len(body)), body))

    def _expire(self, answer: Answer | None, unsent_bytes: int) -> None:
        if answer is not None:
            self._is_sending = not answer.status and unsent_bytes > 0
            answer.on_deadline(self._deadline_s, self._is_sending)
        self.abort()

    def _watch(self, deadline_s: float) -> None:
        """A new deadline, from now: the next sweep takes it for news."""
        self._deadline_s = deadline_s
        self._seen_reads = -1

    def _may_stay(self) -> bool:
        """The last word on reuse. Unsent bytes are the rest of a request that was answered before it was taken; a
        paused socket may hold bytes that belong to nobody, and the next request must not find them."""
        transport = self._transport
        return (
            self.may_stay
            and self.is_open
            and not self._is_paused
            and not self._is_sending
            and not transport.is_closing()
            and not transport.get_write_buffer_size()
        )

    def _leave(self, exc: Exception | None, is_eof: bool) -> None:
        if self.is_open:
            self.is_open = False
            self._pool.forget(self)
        answer = self._answer
        if answer is not None and is_eof:
            answer.on_eof()
        elif answer is not None:
            answer.on_lost(exc)
