"""The server's end of a WebSocket (RFC 6455): frames in, whole messages out, one dealt with at a time.

The `websockets` library makes and parses the frames; it does no I/O. Extensions are not offered: compression of streams
that are short events costs more than it saves. A client that closes, or just goes, cancels what is being done for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from torouter.errors import RequestError
from torouter.wire.exchange import Exchange
from torouter.wire.head import Head
from torouter.wire.message_exchange import MessageExchange, Sink
from torouter.wire.server import Limits, Successor

__all__ = ["Message", "WebSocket", "accept"]

_log = logging.getLogger("torouter.wire.websocket")

_QUEUE_LIMIT: Final = 16
_LINGER_S: Final = 2.0
_PONG: Final = bytes([0x80 | Opcode.PONG])


class Message(NamedTuple):
    """A whole message. `text` is UTF-8; a binary message has none. `arrived_s` is monotonic."""

    text: bytes | None
    arrived_s: float


def accept(exchange: Exchange, limits: Limits) -> WebSocket:
    """Answers an upgrade request with 101. Raises `RequestError` for one that is not as the RFC has it."""
    handshake = ServerProtocol(logger=_log)
    response = handshake.accept(_request(exchange))
    if response.status_code != 101:
        raise RequestError(
            f"The WebSocket handshake is not valid: {handshake.handshake_exc}.",
            status=response.status_code,
            code="websocket_handshake",
        )
    response.headers["x-request-id"] = exchange.request_id.decode("ascii")
    exchange.has_begun = True
    exchange.status = 101
    connection = exchange.connection
    connection.write(response.serialize())
    # The head was read by the server already, so the frames' parser begins behind it.
    protocol = ServerProtocol(state=State.OPEN, max_size=limits.body_bytes, logger=_log)
    websocket = WebSocket(exchange, protocol, limits)
    connection.hand_over(websocket)
    return websocket


def _request(exchange: Exchange) -> Request:
    """An unspoken version is answered with 426, and the one that is spoken (RFC 6455, section 4.4)."""
    version = exchange.fields.get(b"sec-websocket-version", b"13")
    if version != b"13":
        raise RequestError("Only version 13 of WebSocket is spoken here.", status=426, code="websocket_version")
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in exchange.headers]
    return Request(
        exchange.path.decode("latin-1"),
        Headers(fields),
        exchange.method.decode("latin-1"),
        "HTTP/1.0" if exchange.is_http10 else "HTTP/1.1",
    )


class WebSocket(Successor):
    """One connection after its upgrade. `each` is its life, in the drive of the exchange that was upgraded."""

    def __init__(self, exchange: Exchange, protocol: ServerProtocol, limits: Limits) -> None:
        self._exchange = exchange
        self._connection = exchange.connection
        self._protocol = protocol
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._partial = bytearray()
        self._is_text = True
        self._queue: deque[Message] = deque()
        self._queued_bytes = 0
        self._is_busy = False
        self._wake: asyncio.Future[None] | None = None
        self._last_read_s = self._last_active_s = self._last_ping_s = self._loop.time()
        self._lingers_until_s = 0.0

    # --- asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        self._last_read_s = self._loop.time()
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._frame(event)
        self._flush()
        if self._protocol.state is not State.OPEN:
            self._part()

    def eof_received(self) -> None:
        self._protocol.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()
        self._stir()

    # --- reading

    async def each(self, handle: Callable[[Message], Awaitable[None]]) -> None:
        """Deals with one message after the other until the connection ends: with the next only when the client has read
        what was said before. After SIGTERM it ends with the message that is being dealt with."""
        try:
            while (message := await self._next()) is not None:
                self._is_busy = True
                await handle(message)
                self._is_busy = False
                self._last_active_s = self._loop.time()
                await asyncio.sleep(0)  # nothing need have been waited for: others' turn
                if self._connection.is_closing:
                    self.close(CloseCode.GOING_AWAY, "the server is shutting down")
        except asyncio.CancelledError:
            if self._protocol.state is State.OPEN:
                raise
            # The client has closed in due form: the farewell is under way, and must not be cut off.
        finally:
            self._is_busy = False
            self._connection.active = self._exchange
        self._exchange.has_ended = True

    def turn(self, message: Message, head: Head, body: bytes, sink: Sink) -> MessageExchange:
        """The exchange that answers a message; pauses and the client's leaving are its own from now on."""
        connection = self._connection
        turn = MessageExchange(connection, head, body, connection.next_request_id(), message.arrived_s, sink)
        turn.drive = self._exchange.drive
        connection.active = turn
        return turn

    async def _next(self) -> Message | None:
        while self._is_open() and (not self._queue or self._connection.is_write_paused):
            self._wake = self._loop.create_future()
            await self._wake
        if not self._is_open():
            return None
        message = self._queue.popleft()
        self._queued_bytes -= len(message.text or b"")
        if not self._is_full():  # one read may have brought thousands: no other as long as they wait
            self._connection.resume_reading()
        return message

    def _frame(self, frame: Frame) -> None:
        """Pings are answered by the library; a pong has said all by having come."""
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._is_text = frame.opcode is Opcode.TEXT
        elif frame.opcode is not Opcode.CONT:
            return
        self._partial += frame.data
        if frame.fin:
            data, self._partial = bytes(self._partial), bytearray()
            self._arrived(data)

    def _arrived(self, data: bytes) -> None:
        if self._is_text and not _is_utf8(data):
            self._protocol.fail(CloseCode.INVALID_DATA, "a text message must be UTF-8")
            return
        self._last_active_s = self._last_read_s
        self._queue.append(Message(data if self._is_text else None, self._last_read_s))
        self._queued_bytes += len(data) if self._is_text else 0
        if self._is_full():
            self._connection.pause_reading()
        self._stir()

    def _is_open(self) -> bool:
        """A client may have gone without a word while a turn went on to its end."""
        return self._protocol.state is State.OPEN and self._connection.transport is not None

    def _is_full(self) -> bool:
        return len(self._queue) >= _QUEUE_LIMIT or self._queued_bytes > self._limits.body_bytes

    def _stir(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # --- writing

    def send(self, text: bytes) -> None:
        """One text message. What is no UTF-8 would make the client close, so it is mended."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_text(text if _is_utf8(text) else text.decode("utf-8", "replace").encode())
            self._flush()

    def _flush(self) -> None:
        """Gives to the transport what the library has made. A client that does not read gets no pongs: it could have
        any number of them pile up here."""
        transport = self._connection.transport
        if transport is None:
            return
        for data in self._protocol.data_to_send():
            if not data:
                self._finish(transport)
            elif not (self._connection.is_write_paused and data.startswith(_PONG)):
                transport.write(data)

    def _finish(self, transport: asyncio.Transport) -> None:
        """Nothing more is written. What still comes is read and thrown away, or a reset would eat the close frame."""
        if transport.can_write_eof():
            transport.write_eof()
        else:
            transport.close()

    def close(self, code: CloseCode, reason: str) -> None:
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)
            self._flush()
            self._part()

    def _part(self) -> None:
        """The connection is being closed, by whichever side."""
        if self._lingers_until_s:
            return
        self._lingers_until_s = self._loop.time() + _LINGER_S
        self._connection.resume_reading()
        if self._is_busy:
            (self._connection.active or self._exchange).left()
        else:
            self._stir()

    # --- the server's own

    def shutdown(self) -> None:
        if not self._is_busy:
            self.close(CloseCode.GOING_AWAY, "the server is shutting down")

    def sweep(self, now_s: float) -> None:
        limits, silence_s = self._limits, now_s - self._last_read_s
        if self._lingers_until_s:
            if now_s > self._lingers_until_s:
                self._connection.abort()
        elif self._connection.is_reading_paused or self._connection.is_write_paused:
            return  # its silence says nothing
        elif silence_s > limits.stalled_reader_s:
            self._connection.abort()
        elif silence_s > limits.body_s and self._is_within_message():
            self.close(CloseCode.POLICY_VIOLATION, "the message did not arrive in time")
        elif not self._is_busy and now_s - self._last_active_s > limits.idle_s:
            self.close(CloseCode.GOING_AWAY, "nothing was asked for too long")
        elif silence_s > limits.ping_s and now_s - self._last_ping_s > limits.ping_s:
            self._last_ping_s = now_s
            self._protocol.send_ping(b"")
            self._flush()

    def _is_within_message(self) -> bool:
        return bool(self._partial or self._protocol.reader.buffer)


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
