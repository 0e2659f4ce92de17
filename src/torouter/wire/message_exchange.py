"""An exchange within a longer conversation: the request came as a message, and its answer goes to a sink, not a socket.

Whoever answers it writes what it would write to any other exchange.
"""

from __future__ import annotations

from typing import Protocol

from torouter.errors import UpstreamError
from torouter.wire.exchange import Exchange
from torouter.wire.head import Head
from torouter.wire.server import Connection
from torouter.wire.sse import MAX_FRAME_BYTES, SseFramer

__all__ = ["MessageExchange", "Sink"]


class Sink(Protocol):
    """Where an answer goes. An event stream comes event by event, anything else once and whole."""

    def event(self, data: bytes, /) -> None: ...

    def whole(self, status: int, headers: bytes, body: bytes, /) -> None:
        """`headers` is a block of `name: value` lines."""
        ...


class MessageExchange(Exchange):
    """`head` is that of the conversation; `connection` the one that it is held on."""

    def __init__(
        self, connection: Connection, head: Head, body: bytes, request_id: bytes, started_s: float, sink: Sink
    ) -> None:
        super().__init__(connection, head, body, request_id, started_s)
        self._sink = sink
        self._headers = b""
        self._framer: SseFramer | None = None
        self._body = bytearray()

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        self.status = status
        self.last()
        self.begin(status, headers)
        self.write(body)
        self.end()

    def begin(self, status: int, headers: bytes, length_bytes: int | None = None) -> None:
        self.has_begun = True
        self.status = status
        self._headers = headers
        if b"text/event-stream" in headers.lower():
            self._framer = SseFramer()

    def write(self, data: bytes) -> None:
        """Raises `UpstreamError` for what is too large to be held until it is whole; more may be written after that."""
        if self._framer is None:
            self._hold(data)
            return
        try:
            frames = self._framer.feed(data)
        except UpstreamError:
            self._framer = SseFramer()
            raise
        for frame in frames:
            self._sink.event(frame.data)

    def _hold(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > MAX_FRAME_BYTES:
            raise UpstreamError(f"the answer is longer than {MAX_FRAME_BYTES} bytes", phase="body")

    def end(self) -> None:
        self.last()
        self.has_ended = True
        if self._framer is None:
            self._sink.whole(self.status, self._headers, bytes(self._body))
            return
        for frame in self._framer.close():
            self._sink.event(frame.data)
