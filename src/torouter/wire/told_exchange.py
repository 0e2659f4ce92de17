"""An exchange within another one: what would be written to the client is told instead, as it is written, and whoever
hears it answers the other exchange.

Whoever answers it writes what it would write to any other exchange. The other one's pauses and its end reach it.
"""

from __future__ import annotations

from typing import Protocol

from torouter.wire.exchange import Exchange

__all__ = ["Listener", "ToldExchange"]


class Listener(Protocol):
    """Hears an answer: once its head, then each piece of its body."""

    def began(self, status: int, headers: bytes, length_bytes: int | None, /) -> None:
        """`headers` is a block of `name: value` lines; `length_bytes` is the body's, where it is known."""
        ...

    def wrote(self, data: bytes, /) -> None: ...


class ToldExchange(Exchange):
    """The same request as `outer`, which is neither begun nor ended here. `is_aborted`: a client would see a dropped
    connection, and no whole answer."""

    is_aborted = False

    def __init__(self, outer: Exchange, listener: Listener) -> None:
        super().__init__(outer.connection, outer.head, outer.body, outer.request_id, outer.started_s)
        self.drive = outer.drive
        self._listener = listener
        outer.on_left = self._outer_left
        outer.on_pause = self._outer_paused
        outer.on_resume = self._outer_resumed

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        self.status = status
        self.last()
        self.begin(status, headers, len(body))
        self.write(body)
        self.end()

    def begin(self, status: int, headers: bytes, length_bytes: int | None = None) -> None:
        self.has_begun = True
        self.status = status
        self._remaining_bytes = -1 if length_bytes is None else length_bytes
        self._listener.began(status, headers, length_bytes)

    def write(self, data: bytes) -> None:
        if not data:
            return
        if self._remaining_bytes >= 0:
            self._remaining_bytes -= len(data)
            if self._remaining_bytes <= 0:
                self.last()
        self._listener.wrote(data)

    def end(self) -> None:
        self.last()
        self.has_ended = True
        self.is_aborted = self._remaining_bytes > 0

    def abort(self) -> None:
        self.has_ended = self.is_aborted = True

    def _outer_left(self) -> bool:
        return self.on_left is not None and self.on_left()

    def _outer_paused(self) -> None:
        if self.on_pause is not None:
            self.on_pause()

    def _outer_resumed(self) -> None:
        if self.on_resume is not None:
            self.on_resume()
