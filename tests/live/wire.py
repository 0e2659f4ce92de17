"""A client that says exactly the bytes it is given and reads an HTTP/1.1 answer without mercy.

`request()` writes an ordinary request; everything else may be sent raw. The reader accepts only what RFC 9112 lets a
server say, so a gateway that answers carelessly fails here rather than in a lenient library.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

__all__ = ["Connection", "Reply", "request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. `arrivals` are (seconds since the request was sent, piece) for each piece of the body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    arrivals: tuple[tuple[float, bytes], ...] = ()

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> dict[str, object]:
        told = json.loads(self.body)
        assert isinstance(told, dict)
        return told

    @property
    def error(self) -> dict[str, object]:
        """The `error` object that all dialects have."""
        told = self.json()["error"]
        assert isinstance(told, dict)
        return told

    @property
    def is_last(self) -> bool:
        return self.header("connection") == "close"


def request(
    method: str, target: str, headers: Iterable[tuple[str, str]] = (), body: bytes | None = None, host: str = "gateway"
) -> bytes:
    """The bytes of a plain request; `content-length` is added where there is a body."""
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", *(f"{name}: {value}" for name, value in headers)]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


class Connection:
    """One TCP connection. Every read has a deadline (`timeout_s`): nothing here can hang a test."""

    def __init__(self, port: int, *, timeout_s: float = 10.0, receive_buffer_bytes: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer_bytes:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(("127.0.0.1", port))
        except OSError:
            self._socket.close()
            raise
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._headers: tuple[tuple[str, str], ...] = ()
        self._sent_at = time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> Self:
        """Writes all of it; a peer that has stopped listening is not an error here (the answer tells)."""
        self._sent_at = time.perf_counter()
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def drip(self, data: bytes, *, pace_s: float = 0.0, step: int = 1) -> Self:
        for at in range(0, len(data), step):
            self.send(data[at : at + step])
            if pace_s:
                time.sleep(pace_s)
        return self

    def half_close(self) -> Self:
        self._socket.shutdown(socket.SHUT_WR)
        return self

    def ask(
        self, method: str, target: str, headers: Iterable[tuple[str, str]] = (), body: bytes | None = None
    ) -> Reply:
        return self.send(request(method, target, headers, body)).read(method)

    def read(self, method: str = "POST") -> Reply:
        """The next answer; interim ones (1xx) are skipped."""
        while True:
            status, headers = self.read_head()
            if status >= 200:
                break
        if method == "HEAD" or status in (204, 304):
            return Reply(status=status, headers=headers, body=b"")
        arrivals = tuple(self.pieces())
        body = b"".join(piece for _, piece in arrivals)
        return Reply(status=status, headers=headers, body=body, arrivals=arrivals)

    def read_head(self) -> tuple[int, tuple[tuple[str, str], ...]]:
        first, *lines = self._take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, *_ = first.split(" ")
        assert version == "HTTP/1.1", first
        pairs = [line.partition(": ") for line in lines]
        assert all(colon for _, colon, _ in pairs), lines
        self._headers = tuple((name.lower(), value) for name, _, value in pairs)
        return int(status), self._headers

    def pieces(self) -> Iterator[tuple[float, bytes]]:
        """What stands behind a head, to its end: chunks as they come, a body of announced length, or all till EOF."""
        framing = {name: value for name, value in self._headers if name in ("transfer-encoding", "content-length")}
        assert len(framing) <= 1, "both framings"
        if "transfer-encoding" in framing:
            assert framing["transfer-encoding"] == "chunked"
            yield from self._chunks()
        elif "content-length" in framing:
            yield self._elapsed(), self.take(int(framing["content-length"]))
        else:
            assert ("connection", "close") in self._headers, f"an answer without framing: {self._headers}"
            yield self._elapsed(), self.read_to_end()

    def _chunks(self) -> Iterator[tuple[float, bytes]]:
        while size := int(self._take_until(b"\r\n"), 16):
            piece = self.take(size)
            yield self._elapsed(), piece
            assert self.take(2) == b"\r\n"
        assert self.take(2) == b"\r\n", "trailers"

    def _elapsed(self) -> float:
        return time.perf_counter() - self._sent_at

    def take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def read_to_end(self) -> bytes:
        """All that comes until the peer closes. A reset counts as a close: the peer had unread bytes."""
        try:
            while True:
                self._more()
        except ConnectionError:
            rest, self._buffer = self._buffer, b""
            return rest

    def is_closed(self) -> bool:
        """Does the peer close without another byte, within the connection's timeout?"""
        return self.read_to_end() == b""

    def _take_until(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            self._more()
        taken, self._buffer = self._buffer[:end], self._buffer[end + len(mark) :]
        return taken

    def _more(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError(f"closed by the peer; unread: {self._buffer[:200]!r}")
        self._buffer += data
