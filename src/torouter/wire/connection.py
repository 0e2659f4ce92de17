"""One connection to an upstream: at most one request at a time, its answer parsed as it comes.

It is reused only after an answer that was read whole, that allows it, and that left nothing behind, neither on the
socket nor in the parser; whatever else happens to it, it is dropped.

A streamed chunk costs one parser callback and one call of the sink. Whoever waits for an answer goes on within the read
that brought it (`wire.drive`), and only when the parser has returned.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from httptools import HttpResponseParser

from torouter.wire.answer import Answer
from torouter.wire.exchange import JOIN_LIMIT_BYTES
from torouter.wire.faults import Fault, FaultCode, fault_of
from torouter.wire.proxy import Proxy, absolute_head
from torouter.wire.upstream import Deadlines, Headers, Origin, Request

if TYPE_CHECKING:
    from torouter.wire.pool import Pool

__all__ = ["HEAD_LIMIT_BYTES", "HEAD_LIMIT_FIELDS", "Connection", "StopParsing"]

HEAD_LIMIT_BYTES: Final = 64 * 1024
HEAD_LIMIT_FIELDS: Final = 200

_BODILESS: Final = frozenset((b"GET", b"HEAD"))
"""Methods whose empty body needs no `content-length: 0`."""
_NEWS: Final = -1
"""As the count of reads seen: the next sweep finds news. A new deadline counts from there."""
_NO_DEADLINES: Final = Deadlines()
_HEAD_TOO_LARGE: Final = Fault("the response head is too large", code="upstream_malformed")


class StopParsing(Exception):
    """Raised in a callback to make llhttp give up; the reason, if it is one for the caller, is in the answer."""


class Connection(asyncio.Protocol):
    """`proxy` is the forward proxy at the other end, if it wants absolute targets. `reads` counts the reads since the
    request was written."""

    __slots__ = (
        "_answer",
        "_deadline_s",
        "_deadlines",
        "_has_news",
        "_headers",
        "_is_head_request",
        "_is_paused",
        "_is_sending",
        "_loop",
        "_may_stay",
        "_parsed",
        "_parser",
        "_pool",
        "_seen_reads",
        "_seen_unsent_bytes",
        "_sent_s",
        "_since",
        "_transport",
        "_unframed_bytes",
        "is_open",
        "origin",
        "proxy",
        "reads",
        "shelf",
    )

    def __init__(self, pool: Pool, origin: Origin) -> None:
        self.origin = origin
        self.proxy: Proxy | None = None
        self.is_open = False
        self.reads = 0
        self.shelf = pool.shelf(origin)
        """Where it lies in the pool while it is idle."""
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, None)  # stands from `connection_made` on, before any use
        self._answer: Answer | None = None
        self._parsed = cast(Answer, None)
        """The same while the parser may be at work; it stands when a sink has closed its answer."""
        self._parser = HttpResponseParser(self)
        self._headers: Headers = []
        self._has_news = False
        self._may_stay = False
        """The answer's own word on keep-alive."""
        self._unframed_bytes = 0
        """Bytes read since the last piece of body: heads, chunk sizes, trailers. Bounded by `HEAD_LIMIT_BYTES`."""
        self._is_head_request = False
        self._is_paused = False
        self._is_sending = False
        self._deadlines = _NO_DEADLINES
        """Of the request that is being answered."""
        self._deadline_s = pool.idle_s
        """How long it may be silent now."""
        self._sent_s = 0.0
        """When the request's last byte had left, as the sweep saw it; 0: it has not."""
        self._since = self._loop.time()
        self._seen_reads = _NEWS
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
        answer = self._answer
        if answer is None or answer.is_complete:
            self.abort()  # nobody asked: whatever it says must never meet the next request
            return
        self._unframed_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except Exception as error:  # not HTTP, or a callback that gave up, which has left its own fault
            answer.fail(fault_of(error))
            answer.news.come_soon()
            self.abort()
            return
        if self._unframed_bytes > HEAD_LIMIT_BYTES:
            answer.fail(_HEAD_TOO_LARGE)
            answer.news.come_soon()
            self.abort()
        elif self._has_news:
            self._has_news = False
            answer.news.come()

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

    # What the parser calls

    def on_message_begin(self) -> None:
        if self._parsed.is_complete:  # a second answer to one request
            raise StopParsing

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        answer, headers, status = self._parsed, self._headers, self._parser.get_status_code()
        self._headers = []  # of the final head after an interim one, or trailers, which nobody asks for
        if status < 200:
            return
        if (self._unframed_bytes > HEAD_LIMIT_BYTES or len(headers) > HEAD_LIMIT_FIELDS) and _is_head_too_large(
            headers
        ):
            answer.fail(_HEAD_TOO_LARGE)
            raise StopParsing
        answer.headers = headers
        answer.status = status
        self._has_news = True
        self._deadline_s, self._seen_reads = self._deadlines.idle_s, _NEWS
        if self._is_head_request:
            self.on_message_complete()

    def on_body(self, data: bytes) -> None:
        self._unframed_bytes = 0
        answer = self._parsed
        if answer.sink is None:
            if not answer.hold(data):
                raise StopParsing
            return
        try:
            answer.sink(data)
        except BaseException as error:
            answer.on_sink_error(error)
            raise StopParsing from None

    def on_message_complete(self) -> None:
        answer = self._parsed
        if answer.status and answer.complete():  # else an interim answer has ended
            self._may_stay = self._parser.should_keep_alive()
            self._has_news = True

    # What the client and the pool call

    def ask(self, request: Request) -> Answer:
        """Writes a request; its `Answer.news` comes when the head has come or will not come."""
        answer = Answer(self, self._loop)
        if not self.is_open:
            answer.on_lost(None)
            return answer
        self._deadlines = deadlines = request.deadlines
        self._answer = self._parsed = answer
        self._is_head_request = request.method == b"HEAD"
        self._headers = []  # not the trailers of the answer before
        self._unframed_bytes = self.reads = 0
        self._sent_s = 0.0
        self._deadline_s, self._seen_reads = deadlines.head_s, _NEWS
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
        # Until something is said, `first_token_s` bounds the silence: models think between the head and that.
        is_thinking = answer is not None and answer.status and not answer.has_begun and self._deadlines.first_token_s
        is_our_turn = answer is not None and (self._is_paused or answer.is_complete)
        if is_our_turn or is_thinking or reads != self._seen_reads or unsent_bytes < self._seen_unsent_bytes:
            self._since = now
        elif now - self._since >= self._deadline_s > 0.0:
            self._expire(answer, unsent_bytes)
        self._seen_reads = reads
        self._seen_unsent_bytes = unsent_bytes
        if answer is not None and not answer.is_complete and not unsent_bytes:
            self._check_age(answer, now)

    def _check_age(self, answer: Answer, now: float) -> None:
        """Of an answer that is not whole: the deadlines that its silences do not matter for, nor a slow client's."""
        if not self._sent_s:
            self._sent_s = now
        age_s, deadlines = now - self._sent_s, self._deadlines
        if age_s >= deadlines.first_token_s > 0.0 and not answer.has_begun:
            answer.on_deadline("upstream_first_token_timeout", deadlines.first_token_s)
            self.abort()
        elif age_s >= deadlines.total_s > 0.0:
            answer.on_deadline("upstream_total_timeout", deadlines.total_s)
            self.abort()

    # What the answer calls

    def pause_reading(self) -> None:
        if not self._is_paused and self.is_open:
            self._is_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._is_paused and self.is_open:
            self._is_paused = False
            self._seen_reads = _NEWS
            self._transport.resume_reading()

    def finish(self, answer: Answer, may_stay: bool) -> None:
        """The answer is done with: back to the pool, or away.

        Unsent bytes are the rest of a request that was answered before it was taken; a paused socket may hold bytes
        that belong to nobody, and the next request must not find them."""
        if self._answer is not answer:
            return
        self._answer = None
        transport = self._transport
        if (
            not (may_stay and self._may_stay and self.is_open)
            or self._is_paused
            or self._is_sending
            or transport.is_closing()
            or transport.get_write_buffer_size()
        ):
            self.abort()
            return
        if self._is_head_request:
            self._parser = HttpResponseParser(self)  # this one waits for a body that never comes
        del self._parsed  # an idle connection holds no body
        self._deadline_s, self._seen_reads = self._pool.idle_s, _NEWS
        self._pool.give(self)

    # Inside

    def _write(self, request: Request) -> None:
        head, body = request.head, request.body
        size = len(body)
        if self.proxy is not None:
            head = absolute_head(request, self.proxy)
        if size > JOIN_LIMIT_BYTES:
            self._transport.writelines((b"%bcontent-length: %d\r\n\r\n" % (head, size), body))
        elif size or request.method not in _BODILESS:
            self._pool.outbox.write(self._transport, b"%bcontent-length: %d\r\n\r\n%b" % (head, size, body))
        else:
            self._pool.outbox.write(self._transport, head + b"\r\n")

    def _expire(self, answer: Answer | None, unsent_bytes: int) -> None:
        """Nothing has moved for too long; an idle connection just goes."""
        if answer is not None:
            self._is_sending = not answer.status and unsent_bytes > 0
            code: FaultCode = "upstream_idle_timeout" if answer.status else "upstream_no_answer"
            answer.on_deadline(code, self._deadline_s, is_sending=self._is_sending)
        self.abort()

    def _leave(self, exc: Exception | None, is_eof: bool) -> None:
        if self.is_open:
            self.is_open = False
            self._pool.forget(self)
        answer = self._answer
        if answer is not None and is_eof:
            answer.on_eof()
        elif answer is not None:
            answer.on_lost(exc)


def _is_head_too_large(headers: Headers) -> bool:
    """What has been read may be more than the head."""
    if len(headers) > HEAD_LIMIT_FIELDS:
        return True
    return sum(len(name) + len(value) + 4 for name, value in headers) > HEAD_LIMIT_BYTES
