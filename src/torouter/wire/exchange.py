"""One request and its answer: what the server adapter hands to the house, and all that the house may do with it.

The request is whole when an `Exchange` is handed out. The answer is written by exactly one of: `respond`, or `begin`
then any number of `write` then `end`. Every method is synchronous; back-pressure is told by `on_pause`/`on_resume`.
`on_last` is told once, before the bytes leave that make the answer whole; `on_left` when the client has left, and says
whether the answer goes on without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from torouter.wire.head import Head
from torouter.wire.upstream import Headers

if TYPE_CHECKING:
    from torouter.wire.drive import Drive
    from torouter.wire.server import Connection

__all__ = ["JOIN_LIMIT_BYTES", "Exchange"]

JOIN_LIMIT_BYTES: Final = 8 * 1024
"""Up to this size a copy into one buffer costs no more than writing two; at 32 KiB it costs a fifth more."""

_BODILESS: Final = frozenset((204, 304))

_STATUS_LINES: Final[dict[int, bytes]] = {
    status: b"HTTP/1.1 %d %b\r\n" % (status, reason)
    for status, reason in {
        200: b"OK",
        201: b"Created",
        202: b"Accepted",
        204: b"No Content",
        301: b"Moved Permanently",
        302: b"Found",
        303: b"See Other",
        304: b"Not Modified",
        307: b"Temporary Redirect",
        308: b"Permanent Redirect",
        400: b"Bad Request",
        401: b"Unauthorized",
        402: b"Payment Required",
        403: b"Forbidden",
        404: b"Not Found",
        405: b"Method Not Allowed",
        408: b"Request Timeout",
        409: b"Conflict",
        411: b"Length Required",
        413: b"Content Too Large",
        415: b"Unsupported Media Type",
        422: b"Unprocessable Content",
        426: b"Upgrade Required",
        429: b"Too Many Requests",
        431: b"Request Header Fields Too Large",
        500: b"Internal Server Error",
        501: b"Not Implemented",
        502: b"Bad Gateway",
        503: b"Service Unavailable",
        504: b"Gateway Timeout",
        505: b"HTTP Version Not Supported",
        529: b"Overloaded",
    }.items()
}


class Exchange:
    """`head` is shared with other requests that have the same; `body` is whole.

    `connection` is the adapter's own; the house does not touch it.
    """

    # Class attributes are the defaults: a small request never sets most of them.
    drive: Drive | None = None
    has_begun = False
    has_ended = False
    on_last: Callable[[], None] | None = None
    on_left: Callable[[], bool] | None = None
    on_pause: Callable[[], None] | None = None
    on_resume: Callable[[], None] | None = None
    status = 0
    _head = b""
    _is_chunked = False
    _remaining_bytes = -1

    def __init__(self, connection: Connection, head: Head, body: bytes, request_id: bytes, started_s: float) -> None:
        self.connection = connection
        self.head = head
        self.body = body
        self.request_id = request_id
        self.started_s = started_s
        self.keep_alive = head.keep_alive

    @property
    def method(self) -> bytes:
        return self.head.method

    @property
    def path(self) -> bytes:
        return self.head.path

    @property
    def query(self) -> bytes:
        return self.head.query

    @property
    def headers(self) -> Headers:
        return self.head.headers

    @property
    def fields(self) -> dict[bytes, bytes]:
        return self.head.fields

    @property
    def is_http10(self) -> bool:
        return self.head.is_http10

    @property
    def upgrade(self) -> bytes:
        """What an `upgrade` header asks for, in lower case."""
        return self.head.upgrade

    @property
    def client_address(self) -> str:
        return self.connection.client_address

    @property
    def is_secure(self) -> bool:
        return self.connection.is_secure

    @property
    def is_gone(self) -> bool:
        """Has the client left?"""
        return self.connection.transport is None

    @property
    def is_paused(self) -> bool:
        """Is the client slower than what is written to it?"""
        return self.connection.is_write_paused

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        """The whole answer in one write. `headers` is a block of `name: value` lines, each with its CRLF; the framing
        headers (`content-length`, `connection`), `date` and `x-request-id` are added here."""
        self.status = status
        if self.on_last is not None:
            self.last()
        self.has_begun = self.has_ended = True
        connection = self.connection
        if connection.transport is None:
            return
        head = self._head_of(status, headers)
        size = len(body)
        if self.head.method == b"HEAD" or status in _BODILESS:
            length = b"" if status == 204 else b"content-length: %d\r\n" % size
            connection.write(b"%b%b\r\n" % (head, length))
        elif size <= JOIN_LIMIT_BYTES:
            connection.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, size, body))
        else:
            connection.write_large([b"%bcontent-length: %d\r\n\r\n" % (head, size), body])
        connection.answered(self)

    def begin(self, status: int, headers: bytes, length_bytes: int | None = None) -> None:
        """Starts an answer in pieces. The head leaves with the first piece, in one write.

        With `length_bytes` the pieces go out as they are under a `content-length`; otherwise chunked (HTTP/1.0:
        until close).
        """
        self.has_begun = True
        self.status = status
        self._head = self._head_of(status, headers)
        if length_bytes is not None:
            self._remaining_bytes = length_bytes
            self._head += b"content-length: %d\r\n\r\n" % length_bytes
        elif self.is_http10:
            self.keep_alive = False
            self._head += b"\r\n"
        else:
            self._is_chunked = True
            self._head += b"transfer-encoding: chunked\r\n\r\n"

    def last(self) -> None:
        """What is written next makes the answer whole. For those who know it better than by `end`: event streams have
        a last event."""
        on_last = self.on_last
        if on_last is not None:
            self.on_last = None
            on_last()

    def write(self, data: bytes) -> None:
        """One piece. Empty pieces are nothing (an empty chunk would end the answer)."""
        connection = self.connection
        transport = connection.transport
        if transport is None or not data:
            return
        size = len(data)
        if self._is_chunked:
            if size > JOIN_LIMIT_BYTES:
                connection.write_large([b"%b%x\r\n" % (self._head, size), data, b"\r\n"])
            elif self._head:
                connection.write(b"%b%x\r\n%b\r\n" % (self._head, size, data))
            else:
                connection.outbox.write(transport, b"%x\r\n%b\r\n" % (size, data))
                return
            self._head = b""
            return
        if self._remaining_bytes >= 0:
            self._remaining_bytes -= size
            if self._remaining_bytes <= 0:
                self.last()
        if size > JOIN_LIMIT_BYTES:
            connection.write_large([self._head, data] if self._head else [data])
        else:
            connection.write(self._head + data)
        self._head = b""

    def end(self) -> None:
        """The answer is whole. One whose announced length was not met is aborted: the client must see it was cut."""
        self.last()
        self.has_ended = True
        connection = self.connection
        if connection.transport is None:
            return
        if self._remaining_bytes > 0:
            self.abort()
            return
        if self._is_chunked:
            connection.write(self._head + b"0\r\n\r\n")
        elif self._head:
            connection.write(self._head)
        self._head = b""
        connection.answered(self)

    def abort(self) -> None:
        """Drops the connection: the honest end of an answer that cannot be completed or given an error."""
        self.has_ended = True
        self.connection.flush()
        self.connection.abort()

    def left(self) -> None:
        """The client has left: whoever answers it is cancelled, if it does not go on without."""
        if (self.on_left is None or not self.on_left()) and self.drive is not None:
            self.drive.cancel()

    def ended(self, failure: BaseException | None) -> None:
        """The adapter's own: the drive has come to an end."""
        self.connection.ended(self, failure)

    def _head_of(self, status: int, headers: bytes) -> bytes:
        connection = self.connection
        line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d Status\r\n" % status
        ending = b""
        if not self.keep_alive or connection.is_closing:
            ending = b"connection: close\r\n"
        elif self.head.is_http10:
            ending = b"connection: keep-alive\r\n"
        return b"%b%b%bx-request-id: %b\r\n%b" % (line, connection.date_header(), headers, self.request_id, ending)
