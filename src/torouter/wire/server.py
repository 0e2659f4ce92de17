"""The server adapter: HTTP/1.1 bytes in, an `Exchange` out. A protocol class for uvicorn's `http=` seam.

uvicorn keeps the process, signals, TLS, lifespan and workers; this class replaces its HTTP layer, so that no
general messages are made and read again between a socket and the house. llhttp (through httptools) parses, strictly;
what it leaves open is refused here: a missing or repeated `host`, transfer codings other than `chunked`, heads and
bodies over their limits, slow senders. Requests of one connection are answered one at a time, in order.

A client's end of input (FIN) is taken as its leaving, as nginx does: the request is cancelled, and so is its upstream,
unless whoever answers it wants to go on without the client (`Exchange.on_left`).
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from torouter.errors import RequestError, TorouterError
from torouter.units import RequestIds
from torouter.wire.drive import Drive
from torouter.wire.exchange import Exchange
from torouter.wire.head import Head, Repeat
from torouter.wire.outbox import Outbox
from torouter.wire.upstream import Headers

__all__ = ["Connection", "Limits", "Site", "Successor", "sweep_connections"]

_log = logging.getLogger("torouter.wire")

_HEAD_LIMIT_BYTES: Final = 64 * 1024
_HEADER_COUNT_LIMIT: Final = 200
_PIPELINE_LIMIT: Final = 16
_SLOWEST_BODY_BYTES_PER_S: Final = 512
_LINGER_S: Final = 2.0
_SWEEP_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one server. Seconds and bytes."""

    body_bytes: int = 64 * 1024 * 1024
    head_s: float = 15.0
    body_s: float = 60.0
    keep_alive_s: float = 75.0
    stalled_reader_s: float = 300.0
    ping_s: float = 30.0
    """Of a WebSocket: the silence after which the client is asked whether it is there."""
    idle_s: float = 3600.0
    """Of a WebSocket: the time without a message of the client's after which it is closed."""


class Site(Protocol):
    """What answers. Found by every connection under `"site"` in the lifespan's state."""

    limits: Limits
    connections: set[Connection]

    def serve(self, exchange: Exchange, /) -> Coroutine[Any, Any, None]:
        """Answers. What the coroutine raises is a fault of ours: it is logged, and answered by `refuse` with `None`."""
        ...

    def refuse(self, exchange: Exchange, error: TorouterError | None, /) -> None:
        """Answers a request that could not be read (or, with `None`, a fault of our own)."""
        ...


class Successor(ABC, asyncio.Protocol):
    """The protocol that a connection speaks after an upgrade. `Connection` keeps its place in the server's books, and
    tells it what the server says; it tells `Connection` of pauses in writing and of the end."""

    @abstractmethod
    def shutdown(self) -> None:
        """See `Connection.shutdown`."""

    @abstractmethod
    def sweep(self, now_s: float) -> None:
        """See `Connection.sweep`."""


class Connection(asyncio.Protocol):
    """One client connection. States: idle, head, body; `active` is the exchange being answered."""

    __slots__ = (
        "_awaited_bytes",
        "_body_bytes",
        "_body_parts",
        "_declined",
        "_has_fault",
        "_head",
        "_head_bytes",
        "_headers",
        "_last_read_s",
        "_lingers_until_s",
        "_lone_head",
        "_loop",
        "_parser",
        "_part_started_s",
        "_queue",
        "_repeat",
        "_repeats",
        "_server_state",
        "_site",
        "_state",
        "_target",
        "_write_paused_s",
        "active",
        "client_address",
        "is_closing",
        "is_reading_paused",
        "is_secure",
        "is_write_paused",
        "next_request_id",
        "outbox",
        "successor",
        "transport",
    )

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._site: Site = app_state["site"]
        self.next_request_id: RequestIds = app_state["request_ids"]
        # Connections with the same head share one: 64 copies of all that hangs on it do not fit into a core's cache.
        self._repeats: WeakValueDictionary[tuple[bytes, bytes], Repeat] = app_state.setdefault(
            "repeats", WeakValueDictionary()
        )
        self._server_state = server_state
        self._loop = _loop or asyncio.get_running_loop()
        self.outbox: Outbox = app_state.get("outbox") or app_state.setdefault("outbox", Outbox(self._loop))
        self._parser: Any = httptools.HttpRequestParser(self)
        self._queue: deque[Exchange] = deque()
        self._state = "idle"
        self._head: Head | None = None
        self._declined = b""
        self._repeat: Repeat | None = None
        self._has_fault = False
        self._headers: Headers = []
        self._target = b""
        self._head_bytes = 0
        self._body_parts: list[bytes] = []
        self._body_bytes = 0
        self._awaited_bytes = 0
        """Of a body whose head came alone and was known again: it goes past the parser too."""
        self._lone_head: tuple[Head, bytes] | None = None
        """A head that came alone, parsed and as it came, until its body is whole."""
        self._part_started_s = 0.0
        self._last_read_s = 0.0
        self._lingers_until_s = 0.0
        self.is_reading_paused = False
        self._write_paused_s = 0.0
        self.transport: asyncio.Transport | None = None
        self.active: Exchange | None = None
        self.successor: Successor | None = None
        self.client_address = ""
        self.is_secure = False
        self.is_closing = False
        self.is_write_paused = False

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its bases
        peer = transport.get_extra_info("peername")
        self.client_address = peer[0] if isinstance(peer, tuple) else ""
        self.is_secure = transport.get_extra_info("sslcontext") is not None
        self._last_read_s = self._loop.time()
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # uvicorn only calls `shutdown`
        self._site.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server_state.connections.discard(self)
        self._site.connections.discard(self)
        self.transport = None
        self._parser = None
        self._queue.clear()
        active = self.active
        if active is not None:
            self.active = None
            active.left()

    def eof_received(self) -> None:
        return None

    def pause_writing(self) -> None:
        self.is_write_paused = True
        self._write_paused_s = self._loop.time()
        if self.active is not None and self.active.on_pause is not None:
            self.active.on_pause()

    def resume_writing(self) -> None:
        self.is_write_paused = False
        if self.active is not None and self.active.on_resume is not None:
            self.active.on_resume()

    def data_received(self, data: bytes) -> None:
        if self._has_fault:
            return  # lingering: what still comes of a refused request is thrown away
        now_s = self._last_read_s = self._loop.time()
        if self._awaited_bytes:
            self._take_body(data)
            return
        is_between = self._state == "idle"
        repeat = self._repeat
        if repeat is not None and is_between:
            if (body := repeat.body_of(data)) is not None:
                self._accept(Exchange(self, repeat.head, body, self.next_request_id(), now_s))
                return
            if size := repeat.announced_bytes(data):
                self._await_body(repeat.head, size)
                return
        self._parse(data)
        if is_between:
            self._repeat = self._seen_in(data)
            self._lone_head = (self._head, data) if self._head is not None and not self._body_bytes else None
        elif self._lone_head is not None and self._state == "idle":
            (head, opening), self._lone_head = self._lone_head, None
            self._repeat = self._seen_in(opening, head)

    def _await_body(self, head: Head, size_bytes: int) -> None:
        self._head = head
        self._state = "body"
        self._part_started_s = self._last_read_s
        self._awaited_bytes = size_bytes

    def _take_body(self, data: bytes) -> None:
        missing_bytes = self._awaited_bytes - self._body_bytes
        self.on_body(data[:missing_bytes])
        if len(data) < missing_bytes:
            return
        self._awaited_bytes = 0
        self.on_message_complete()
        if len(data) > missing_bytes:
            self.data_received(data[missing_bytes:])

    def _parse(self, data: bytes) -> None:
        while data:
            data = self._parse_some(data)

    def _parse_some(self, data: bytes) -> bytes:
        """Gives back what is to be parsed anew."""
        if self._state != "body":
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self._declined:
                head, self._declined = self._declined, b""
                self._parser = httptools.HttpRequestParser(self)
                return head + rest
            # The request was dispatched with `upgrade` set. What follows is its new protocol's; without one, nobody's.
            if self.successor is not None and rest:
                self.successor.data_received(rest)
        except httptools.HttpParserCallbackError as error:
            self._fault(_reason(error))
        except httptools.HttpParserError:
            self._fault(RequestError("The request is not valid HTTP/1.1.", code="malformed_http"))
        else:
            if self._head_bytes > _HEAD_LIMIT_BYTES and self._state == "head":
                self._fault(_head_too_large())
        return b""

    def _seen_in(self, data: bytes, head: Head | None = None) -> Repeat | None:
        """What to know the next request by, if `data` was one whole request, or the `head` of one alone, and whoever
        answers it kept its reading of the head. The parser is between two messages then, and knows nothing of those
        that go past it."""
        exchange = self._queue[-1] if self._queue else self.active
        if self._state != "idle" or exchange is None or exchange.head.reading is None:
            return None
        if head is not None and exchange.head is not head:  # another request came right behind
            return None
        repeat = Repeat.of(exchange.head, data, len(exchange.body), self._site.limits.body_bytes)
        return None if repeat is None else self._repeats.setdefault(repeat.wire_form, repeat)

    # --- httptools callbacks; what they raise comes out of `feed_data` as `HttpParserCallbackError`

    def on_message_begin(self) -> None:
        self._state = "head"
        self._headers = []
        self._target = b""
        self._head = None
        self._part_started_s = self._last_read_s

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser, headers, site = self._parser, self._headers, self._site
        self._headers = []  # trailers of a chunked body go there, and mean nothing to us
        path, _, query = self._target.partition(b"?")
        head = self._head = Head(parser.get_method(), path, query, headers, parser.should_keep_alive())
        fields = head.fields
        if len(headers) > _HEADER_COUNT_LIMIT or (
            self._head_bytes > _HEAD_LIMIT_BYTES and len(self._target) + _size(headers) > _HEAD_LIMIT_BYTES
        ):
            raise _head_too_large()
        version = parser.get_http_version()
        if version != "1.1":
            if version != "1.0":
                raise RequestError("Only HTTP/1.1 and HTTP/1.0 are spoken here.", code="http_version")
            head.is_http10 = True
        if path[:1] != b"/":
            head.path, head.query = _origin_form(self._target, head.method)
        if b"host" not in fields:
            if not head.is_http10:
                raise _host_header()
        elif len(fields) != len(headers) and [name for name, _ in headers].count(b"host") != 1:
            raise _host_header()
        if int(fields.get(b"content-length", b"0")) > site.limits.body_bytes:
            raise _body_too_large(site.limits.body_bytes)
        if b"transfer-encoding" in fields:
            _check_codings(head)
        if b"upgrade" in fields and parser.should_upgrade():
            upgrade = fields[b"upgrade"].lower()
            if upgrade != b"websocket" or head.method != b"GET":
                self._declined = _without_upgrade(head, self._target)
                return
            if b"transfer-encoding" in fields or int(fields.get(b"content-length", b"0")):
                raise RequestError("A request for a WebSocket has no body.", code="upgrade_with_body")
            head.upgrade = upgrade
            head.keep_alive = False
        if b"expect" in fields:
            self._meet_expectation(head)
        self._state = "body"
        self._part_started_s = self._last_read_s

    def _meet_expectation(self, head: Head) -> None:
        if head.fields[b"expect"].lower() != b"100-continue":
            raise RequestError("The expectation cannot be met.", status=417, code="expectation")
        if self.active is None and not head.is_http10 and self.transport is not None:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        self._body_parts.append(data)
        self._body_bytes += len(data)
        if self._body_bytes > self._site.limits.body_bytes:
            raise _body_too_large(self._site.limits.body_bytes)

    def on_message_complete(self) -> None:
        head, parts = self._head, self._body_parts
        if head is None or self._declined:
            return
        body = b""
        if parts:
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            self._body_parts = []
            self._body_bytes = 0
        self._head = None
        self._state = "idle"
        self._head_bytes = 0
        self._accept(Exchange(self, head, body, self.next_request_id(), self._last_read_s))

    def _accept(self, exchange: Exchange) -> None:
        if self.active is not None:
            self._queue.append(exchange)
            if len(self._queue) >= _PIPELINE_LIMIT:
                self.pause_reading()
            return
        self.active = exchange
        drive = exchange.drive = Drive(self._site.serve(exchange), exchange.ended)
        self._server_state.tasks.add(drive)  # type: ignore[arg-type]  # uvicorn calls only `cancel`
        drive.start()

    # --- answering

    def ended(self, exchange: Exchange, failure: BaseException | None) -> None:
        """Whoever answers an exchange has come to an end."""
        self._server_state.tasks.discard(exchange.drive)
        exchange.drive = None
        if failure is None:
            return
        if isinstance(failure, asyncio.CancelledError):
            # The client left, or the grace time after SIGTERM is over; nobody awaits this.
            self.abort()
            return
        request_id, path = exchange.request_id.decode(), _printable(exchange.path)
        _log.error("fault request_id=%s path=%s", request_id, path, exc_info=failure)
        if not exchange.has_begun:
            self._site.refuse(exchange, None)
        elif not exchange.has_ended:
            exchange.abort()

    def answered(self, exchange: Exchange) -> None:
        """The answer has been written: on to the next request, or the end of the connection."""
        self.active = None
        if self.transport is None:
            return
        if self._has_fault:
            self._linger()
        elif not exchange.keep_alive or self.is_closing:
            self.close()
        elif self._queue:
            following = self._queue.popleft()
            self.resume_reading()
            self._accept(following)
        else:
            self._last_read_s = self._loop.time()

    def hand_over(self, successor: Successor) -> None:
        """After a 101: what comes from now on is read by another protocol. The exchange goes on meanwhile."""
        self.flush()
        self.successor = successor
        if self.transport is not None:
            self.transport.set_protocol(successor)

    def _fault(self, error: TorouterError) -> None:
        """The bytes cannot be trusted from here on: answer once what can be answered, then close."""
        self._has_fault = True
        self.is_closing = True
        head = self._head or self._unread_head()
        self._head = self._repeat = self._lone_head = None
        self._queue.clear()
        self._body_parts = []
        if self.active is not None:
            return  # an earlier request is being answered: its answer ends the connection
        exchange = self.active = Exchange(self, head, b"", self.next_request_id(), self._last_read_s)
        exchange.keep_alive = False  # not the head's: that may be shared
        self._site.refuse(exchange, error)

    def _unread_head(self) -> Head:
        """What is known of a head that was not understood."""
        path = self._target.partition(b"?")[0] or b"/"
        return Head(b"GET", path, b"", self._headers, False)

    def _linger(self) -> None:
        """Reads on for a moment before closing, so that the client gets the answer and not a reset."""
        if self.transport is None:
            return
        self.flush()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._lingers_until_s = self._loop.time() + _LINGER_S

    def write(self, data: bytes) -> None:
        """At the end of the loop's turn. `data` is small, as `exchange.JOIN_LIMIT_BYTES` has it, and not empty."""
        if self.transport is not None:
            self.outbox.write(self.transport, data)

    def write_large(self, parts: list[bytes]) -> None:
        """At once, and uncopied."""
        if self.transport is not None:
            self.outbox.flush_of(self.transport)
            self.transport.writelines(parts)

    def flush(self) -> None:
        """What is written leaves now."""
        if self.transport is not None:
            self.outbox.flush_of(self.transport)

    def close(self) -> None:
        """When all that is written has left."""
        if self.transport is not None:
            self.flush()
            self.transport.close()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def shutdown(self) -> None:
        """Called by uvicorn at SIGTERM: idle connections close now, the others after their answer."""
        self.is_closing = True
        if self.successor is not None:
            self.successor.shutdown()
        elif self.active is None:
            self.close()

    def sweep(self, now_s: float) -> None:
        """Called about twice a second: enforces what would otherwise need a timer per request."""
        limits = self._site.limits
        if self.successor is not None:
            if self._is_reader_stalled(now_s):
                self.abort()
            else:
                self.successor.sweep(now_s)
        elif self._lingers_until_s:
            if now_s > self._lingers_until_s:
                self.abort()
        elif self._state == "head" and now_s - self._part_started_s > limits.head_s:
            self._fault(_too_slow("head"))
        elif self._state == "body" and self._is_body_slow(now_s):
            self._fault(_too_slow("body"))
        elif self.active is None:
            if self._state == "idle" and now_s - self._last_read_s > limits.keep_alive_s:
                self.close()
        elif self._is_reader_stalled(now_s):
            self.abort()

    def _is_reader_stalled(self, now_s: float) -> bool:
        return self.is_write_paused and now_s - self._write_paused_s > self._site.limits.stalled_reader_s

    def _is_body_slow(self, now_s: float) -> bool:
        limit_s = self._site.limits.body_s
        if now_s - self._last_read_s > limit_s:
            return True
        elapsed_s = now_s - self._part_started_s
        return elapsed_s > limit_s and self._body_bytes < _SLOWEST_BODY_BYTES_PER_S * elapsed_s

    def date_header(self) -> bytes:
        """uvicorn makes a new list of default headers once a second; until then the rendered block is kept."""
        global _date
        headers = self._server_state.default_headers
        if _date[0] is not headers:
            _date = (headers, b"".join(b"%b: %b\r\n" % header for header in headers))
        return _date[1]

    def pause_reading(self) -> None:
        if not self.is_reading_paused and self.transport is not None:
            self.is_reading_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self.is_reading_paused and self.transport is not None:
            self.is_reading_paused = False
            self.transport.resume_reading()


async def sweep_connections(connections: set[Connection]) -> None:
    """Runs until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_SWEEP_S)
        now_s = loop.time()
        for connection in list(connections):
            connection.sweep(now_s)


_date: tuple[object, bytes] = (None, b"")


def _reason(error: Exception) -> TorouterError:
    cause = error.__context__ or error.__cause__
    if isinstance(cause, TorouterError):
        return cause
    _log.error("fault while reading a request", exc_info=error)
    return RequestError("The request could not be read.", code="malformed_http")


def _size(headers: Headers) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers)


def _origin_form(target: bytes, method: bytes) -> tuple[bytes, bytes]:
    """An absolute-form target (`GET http://host/path`) is read like the origin form, as RFC 9112 3.2.2 asks."""
    if target[:7].lower() == b"http://" or target[:8].lower() == b"https://":
        parts = urlsplit(target)
        return parts.path or b"/", parts.query
    if target == b"*" and method == b"OPTIONS":
        return b"/", b""
    raise RequestError("The request target must be a path.", code="request_target")


def _without_upgrade(head: Head, target: bytes) -> bytes:
    """The head to be read again without its wish for another protocol, which may be passed over (RFC 9110, 7.8): the
    parser gives up at its end. Java's own client asks for `h2c` with every POST."""
    is_last = not head.keep_alive or b"close" in head.fields.get(b"connection", b"").lower()
    fields = [field for field in head.headers if field[0] not in (b"upgrade", b"connection", b"http2-settings")]
    if is_last:
        fields.append((b"connection", b"close"))
    lines = b"".join(b"%b: %b\r\n" % field for field in fields)
    return b"%b %b HTTP/%b\r\n%b\r\n" % (head.method, target, b"1.0" if head.is_http10 else b"1.1", lines)


def _check_codings(head: Head) -> None:
    codings = [value.lower() for name, value in head.headers if name == b"transfer-encoding"]
    if head.is_http10 or codings != [b"chunked"]:
        raise RequestError("The only transfer coding accepted is `chunked`.", code="transfer_coding")


def _host_header() -> RequestError:
    return RequestError("Exactly one `host` header is required.", code="host_header")


def _head_too_large() -> RequestError:
    return RequestError(
        f"The request's head is over {_HEAD_LIMIT_BYTES // 1024} KiB or {_HEADER_COUNT_LIMIT} fields.",
        status=431,
        code="headers_too_large",
    )


def _body_too_large(limit_bytes: int) -> RequestError:
    return RequestError(
        f"The request body is over the limit of {limit_bytes} bytes.", kind="too_large", code="request_too_large"
    )


def _too_slow(part: str) -> RequestError:
    return RequestError(f"The request's {part} did not arrive in time.", status=408, code="request_timeout")


def _printable(path: bytes) -> str:
    return path.decode("ascii", "backslashreplace")
