"""Upstreams for the client's tests: real sockets, one thread per connection, each told what to do by a script.

A script is a function of a `Peer`, the accepted connection: it reads requests, sends any bytes it likes, and closes,
resets or stalls. The first script serves the first connection, and so on; the last one serves all that follow.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torouter.wire.upstream import Deadlines, Origin, Request

PATIENCE_S = 10.0
"""How long a script waits for anything before the test is broken."""


class PeerGone(Exception):
    """The client closed or reset the connection."""


@dataclass(frozen=True)
class Asked:
    """A request as it came: `head` up to and with the blank line."""

    head: bytes
    body: bytes

    @property
    def line(self) -> bytes:
        return self.head.split(b"\r\n", 1)[0]


class Peer:
    """One accepted connection, with blocking calls."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE_S)
        self.sock = sock
        self._buffer = b""
        self.sent_bytes = 0

    def greet(self) -> None:
        """The TLS handshake, where there is one; raises `PeerGone` if the client does not like our certificate."""
        if isinstance(self.sock, ssl.SSLSocket):
            try:
                self.sock.do_handshake()
            except OSError as error:
                raise PeerGone from error

    def request(self) -> Asked:
        """The next request; raises `PeerGone` if there is none."""
        head = self.head()
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return Asked(head, self.take(length))

    def head(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._buffer += self._receive()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise PeerGone from error
        self.sent_bytes += len(data)

    def drip(self, data: bytes) -> None:
        """One byte per segment."""
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(data)):
            self.send(data[at : at + 1])

    def close(self) -> None:
        self.sock.close()

    def finish(self) -> None:
        """Sends no more, and still reads."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def stall(self) -> None:
        """Says nothing until the client has gone."""
        with contextlib.suppress(PeerGone):
            while True:
                self._receive()

    def _receive(self) -> bytes:
        try:
            data = self.sock.recv(65536)
        except OSError as error:
            raise PeerGone from error
        if not data:
            raise PeerGone
        return data


Script = Callable[[Peer], None]


class Server:
    """A listening server; `accepted` counts its connections, `gone` those that the client has left."""

    def __init__(self, scripts: tuple[Script, ...], context: ssl.SSLContext | None, host: str) -> None:
        self._scripts = scripts
        self._context = context
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self.origin = Origin("http" if context is None else "https", host, self.port)
        self.accepted = 0
        self.gone = threading.Semaphore(0)
        self.faults: list[BaseException] = []
        self._peers: list[Peer] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def stop(self) -> None:
        # `shutdown` wakes a thread that is blocked in `accept` or `recv`; `close` alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)
        if self.faults:
            raise self.faults[0]

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts[min(self.accepted, len(self._scripts) - 1)]
            self.accepted += 1
            thread = threading.Thread(target=self._run, args=(sock, script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, sock: socket.socket, script: Script) -> None:
        if self._context is not None:
            sock = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        peer = Peer(sock)
        self._peers.append(peer)
        try:
            peer.greet()
            script(peer)
        except PeerGone:
            pass
        except BaseException as error:
            self.faults.append(error)
        finally:
            peer.close()
            self.gone.release()


@contextlib.contextmanager
def serving(*scripts: Script, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Server]:
    server = Server(scripts, context, host)
    try:
        yield server
    finally:
        server.stop()


def repeating(answer: bytes) -> Script:
    """Answers every request with the same bytes."""

    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(answer)

    return script


def whole(body: bytes, *, status: int = 200, fields: bytes = b"") -> bytes:
    """A plain answer with a length; `fields` are more header lines, each with its CRLF."""
    return b"HTTP/1.1 %d OK\r\ncontent-length: %d\r\n%b\r\n%b" % (status, len(body), fields, body)


def echo(peer: Peer) -> None:
    """Answers every request with its own body."""
    while True:
        peer.send(whole(peer.request().body))


def connect_proxy(peer: Peer) -> None:
    """A real CONNECT proxy: opens the tunnel that is asked for, wherever it leads on this machine."""
    asked = peer.request()
    method, authority, _ = asked.line.split(b" ")
    assert method == b"CONNECT", asked.line
    host, _, port = authority.decode().rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as target:
        peer.send(b"HTTP/1.1 200 Connection established\r\nproxy-agent: test\r\n\r\n")
        _splice(peer.sock, target)


def _splice(left: socket.socket, right: socket.socket) -> None:
    other = {left: right, right: left}
    while True:
        readable, _, _ = select.select([left, right], [], [], PATIENCE_S)
        for sock in readable:
            data = sock.recv(65536)
            if not data:
                return
            other[sock].sendall(data)


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """A port of 127.0.0.1 on which connecting neither succeeds nor fails: its backlog is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        time.sleep(0.05)
        yield port


def asking(
    origin: Origin,
    body: bytes = b"",
    *,
    method: bytes = b"POST",
    target: bytes = b"/v1/x",
    deadlines: Deadlines | None = None,
) -> Request:
    """A request as the relay makes them."""
    head = b"%b %b HTTP/1.1\r\nhost: %b\r\n" % (method, target, origin.host.encode())
    return Request(origin, method, target, head, body, deadlines or Deadlines(5, 5, 5))


async def until(is_so: Callable[[], bool]) -> None:
    """Waits for something that has no event of its own."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await asyncio.sleep(0.01)
