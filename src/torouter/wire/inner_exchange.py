"""An exchange whose client is this process itself: nothing of it is on a socket, and the answer is kept."""

from __future__ import annotations

from torouter.errors import UpstreamError
from torouter.wire.exchange import Exchange
from torouter.wire.head import Head

__all__ = ["InnerExchange"]


class InnerExchange(Exchange):
    """`answer` is what has come of the body so far, up to `limit_bytes`; `is_stream`: it comes as events."""

    is_stream = False

    def __init__(self, body: bytes, request_id: bytes, started_s: float, limit_bytes: int) -> None:
        # Not the parent's constructor: there is no connection, and whoever asks for one is at fault.
        self.head = Head(b"POST", b"/", b"", [], keep_alive=False)
        self.body = body
        self.request_id = request_id
        self.started_s = started_s
        self.keep_alive = False
        self.answer = bytearray()
        self._limit_bytes = limit_bytes

    @property
    def client_address(self) -> str:
        return ""

    @property
    def is_secure(self) -> bool:
        return True

    @property
    def is_gone(self) -> bool:
        return False

    @property
    def is_paused(self) -> bool:
        return False

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        self.begin(status, headers)
        self.write(body)
        self.end()

    def begin(self, status: int, headers: bytes, length_bytes: int | None = None) -> None:
        self.has_begun = True
        self.status = status
        self.is_stream = b"text/event-stream" in headers.lower()

    def write(self, data: bytes) -> None:
        """Raises `UpstreamError` for what is longer than anybody here wants to know."""
        self.answer += data
        if len(self.answer) > self._limit_bytes:
            raise UpstreamError(f"the answer is longer than {self._limit_bytes} bytes", phase="body")

    def end(self) -> None:
        self.last()
        self.has_ended = True

    def abort(self) -> None:
        self.has_ended = True

    def ended(self, failure: BaseException | None) -> None:
        self.has_ended = True
