"""One request, one answer: framing, limits, broken answers, streaming."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from dataclasses import dataclass

import pytest

from tests.wire.servers import Peer, Script, asking, echo, repeating, serving, whole
from torouter.errors import UpstreamError
from torouter.wire.client import Client
from torouter.wire.connection import Connection
from torouter.wire.pool import Pool
from torouter.wire.upstream import Origin, Response


async def piped(response: Response) -> bytes:
    pieces: list[bytes] = []
    await response.pipe(pieces.append)
    return b"".join(pieces)


@dataclass(frozen=True)
class Case:
    """An answer on the wire, and what it means. `stays`: may the connection serve another request?"""

    name: str
    wire: bytes
    body: bytes = b""
    status: int = 200
    method: bytes = b"POST"
    stays: bool = True
    until_close: bool = False


CASES = [
    Case("length", whole(b"hello"), b"hello"),
    Case("empty", whole(b"")),
    Case("error status", whole(b"no", status=429), b"no", status=429),
    Case("chunked", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
    Case(
        "chunk extensions and trailers",
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b;c="d"\r\nabc\r\n0;e\r\nx-sum: 1\r\nx-b: 2\r\n\r\n',
        b"abc",
    ),
    Case("empty chunked", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    Case("until close", b"HTTP/1.1 200 OK\r\nx: y\r\n\r\nabc", b"abc", stays=False, until_close=True),
    Case("HTTP/1.0 until close", b"HTTP/1.0 200 OK\r\n\r\nabc", b"abc", stays=False, until_close=True),
    Case(
        "other transfer coding",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nabc",
        b"abc",
        stays=False,
        until_close=True,
    ),
    Case("HTTP/1.0 with length", b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nabc", b"abc", stays=False),
    Case(
        "HTTP/1.0 keep-alive",
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 3\r\n\r\nabc",
        b"abc",
    ),
    Case("connection: close", whole(b"abc", fields=b"Connection: close\r\n"), b"abc", stays=False),
    Case("204", b"HTTP/1.1 204 No Content\r\n\r\n", status=204),
    Case("304 with the length of another", b"HTTP/1.1 304 OK\r\ncontent-length: 9\r\n\r\n", status=304),
    Case("HEAD with length", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", method=b"HEAD"),
    Case("HEAD, chunked", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", method=b"HEAD"),
    Case(
        "interim answers",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + whole(b"abc"),
        b"abc",
    ),
    Case("no reason phrase", b"HTTP/1.1 200\r\ncontent-length: 1\r\n\r\na", b"a"),
]
by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def playing(case: Case, *, is_dripping: bool = False) -> Script:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            (peer.drip if is_dripping else peer.send)(case.wire)
            if case.until_close:
                return

    return script


class TestAnswer:
    async def test_small_answer_is_there_with_its_head(self, client: Client) -> None:
        with serving(
            repeating(whole(b'{"a":1}', fields=b"Content-Type: application/json\r\nX-A: 1\r\nx-a: 2\r\n"))
        ) as up:
            response = await client.send(asking(up.origin, b"{}"))
            assert response.body == b'{"a":1}'
            assert response.status == 200
            assert response.headers == [
                (b"content-length", b"7"),
                (b"content-type", b"application/json"),
                (b"x-a", b"1"),
                (b"x-a", b"2"),
            ]
            assert response.header(b"x-a") == b"1"
            assert response.header(b"x-b") == b""
            assert await response.read(1000) == b'{"a":1}'
            response.close()
            response.close()
            assert (client.stats.open, client.stats.idle) == (1, 1)

    async def test_request_on_the_wire(self, client: Client) -> None:
        heads: list[bytes] = []

        def script(peer: Peer) -> None:
            while True:
                if not (data := peer.sock.recv(65536)):
                    return
                heads.append(data)
                peer.send(whole(b""))

        with serving(script) as up:
            for method, body in ((b"POST", b"{}"), (b"POST", b""), (b"GET", b""), (b"HEAD", b""), (b"GET", b"x")):
                (await client.send(asking(up.origin, body, method=method))).close()
        assert heads == [  # one read each: one write each
            b"POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\n\r\n{}",
            b"POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 0\r\n\r\n",
            b"GET /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
            b"HEAD /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
            b"GET /v1/x HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1\r\n\r\nx",
        ]

    @pytest.mark.parametrize("size", [65536, 65537, 5_000_000])
    async def test_large_bodies_both_ways(self, client: Client, size: int) -> None:
        body = bytes(range(256)) * (size // 256 + 1)
        with serving(echo) as up:
            for _ in range(2):
                response = await client.send(asking(up.origin, body))
                answer = await response.read(len(body))
                assert hashlib.sha256(answer).digest() == hashlib.sha256(body).digest()
                response.close()

    @by_name
    async def test_read(self, client: Client, case: Case) -> None:
        with serving(playing(case)) as up:
            for _ in range(2):
                response = await client.send(asking(up.origin, method=case.method))
                assert response.status == case.status
                assert await response.read(100) == case.body
                assert response.body == case.body
                response.close()
                assert client.stats.idle == (1 if case.stays else 0)
            assert up.accepted == (1 if case.stays else 2)

    @by_name
    async def test_pipe_byte_by_byte(self, client: Client, case: Case) -> None:
        with serving(playing(case, is_dripping=True)) as up:
            for _ in range(2):
                response = await client.send(asking(up.origin, method=case.method))
                assert response.status == case.status
                assert await piped(response) == case.body
                response.close()
            assert up.accepted == (1 if case.stays else 2)

    @by_name
    async def test_cut_anywhere(self, case: Case) -> None:
        for cut in range(len(case.wire) + 1):
            connection, transport = wired()
            answer = connection.ask(asking(connection.origin, method=case.method))
            for piece in (case.wire[:cut], case.wire[cut:]):
                if piece:
                    connection.data_received(piece)
            if case.until_close:
                connection.eof_received()
            assert answer.fault is None
            assert (answer.status, answer.body) == (case.status, case.body)
            answer.close()
            assert transport.is_aborted == (not case.stays)


class FakeTransport(asyncio.Transport):
    """What a connection asks of a transport, and nothing behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_aborted = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == 0

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert data

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True


def wired() -> tuple[Connection, FakeTransport]:
    transport = FakeTransport()
    connection = Connection(Pool(1, 55, 1000), Origin("http", "up.test", 80))
    connection.connection_made(transport)
    return connection, transport


class TestStream:
    async def test_pieces_come_as_they_are_sent(self, client: Client) -> None:
        go_on = threading.Semaphore(0)

        def script(peer: Peer) -> None:
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for number in range(5):
                peer.send(b"9\r\ndata: %d\n\n\r\n" % number)
                assert go_on.acquire(timeout=5)
            peer.send(b"0\r\n\r\n")
            peer.stall()

        seen: list[bytes] = []

        def sink(data: bytes) -> None:
            seen.append(data)
            go_on.release()

        with serving(script) as up:
            response = await client.send(asking(up.origin))
            assert response.body is None
            await response.pipe(sink)
            response.close()
            assert seen == [b"data: %d\n\n" % number for number in range(5)]
            assert client.stats.idle == 1

    @pytest.mark.parametrize("is_whole", [True, False])
    async def test_what_the_sink_raises_arrives_and_the_connection_goes(self, client: Client, is_whole: bool) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(whole(b"abcdef") if is_whole else whole(b"abcdef")[:-6])
            if not is_whole:
                peer.send(b"abc")
            peer.stall()

        calls: list[bytes] = []

        def sink(data: bytes) -> None:
            calls.append(data)
            raise ZeroDivisionError("the sink's own")

        with serving(script) as up:
            response = await client.send(asking(up.origin))
            with pytest.raises(ZeroDivisionError, match="the sink's own"):
                await response.pipe(sink)
            response.close()
            assert len(calls) == 1
            assert await asyncio.to_thread(up.gone.acquire, timeout=5)
            assert client.stats.idle == 0

    async def test_sink_may_close(self, client: Client) -> None:
        chunks = b"3\r\nabc\r\n" * 10 + b"0\r\n\r\n"
        with serving(repeating(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunks[:3])) as up:
            response = await client.send(asking(up.origin))
            connection_bytes = chunks[3:]
            calls: list[bytes] = []

            def sink(data: bytes) -> None:
                calls.append(data)
                response.close()

            task = asyncio.ensure_future(response.pipe(sink))
            await asyncio.sleep(0)
            feed(client, connection_bytes)
            with pytest.raises(UpstreamError, match="closed on our side") as caught:
                await task
            assert caught.value.phase == "stream"
            assert calls == [b"abc"]


def feed(client: Client, data: bytes) -> None:
    """Bytes for the client's only connection, in one read."""
    (connection,) = client._pool._connections
    connection.data_received(data)


def answering(data: bytes, then: str) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        if data:
            peer.send(data)
        if then == "reset" and data:
            peer.sock.recv(1)  # a reset discards what was not read yet: wait for the word
        getattr(peer, then)()

    return script


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class TestBroken:
    @pytest.mark.parametrize(
        ("wire", "words"),
        [
            (b"", "closed before"),
            (b"HTTP", "closed before"),
            (b"HTTP/1.1 200 OK\r\ncontent-le", "closed before"),
            (b"HTTP/1.1 100 Continue\r\n\r\n", "closed before"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", "not valid HTTP"),
            (b"HTTP/1.1 2000 OK\r\n\r\n", "not valid HTTP"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "not valid HTTP"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na", "not valid HTTP"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "not valid HTTP"),
            (b"HTTP/1.1 200 OK\r\nx y: z\r\n\r\n", "not valid HTTP"),
            (b"HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", "switched protocols"),
            (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", "head is too large"),
            (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 201 + b"\r\n", "head is too large"),
            (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 30_000, "head is too large"),
            (b"HTTP/1.1 100 Continue\r\n\r\n" * 4_000, "head is too large"),
        ],
    )
    async def test_head(self, client: Client, wire: bytes, words: str) -> None:
        with serving(answering(wire, "close")) as up:
            with pytest.raises(UpstreamError, match=words) as caught:
                await client.send(asking(up.origin))
            assert (caught.value.phase, caught.value.kind, caught.value.status) == ("head", "upstream_fault", 502)
            assert caught.value.upstream_status == 0
            assert str(caught.value).startswith("127.0.0.1: ")
            assert up.accepted == 1
            assert client.stats.idle == 0

    async def test_head_reset(self, client: Client) -> None:
        with serving(answering(b"", "reset")) as up:
            with pytest.raises(UpstreamError, match="reset") as caught:
                await client.send(asking(up.origin))
            assert caught.value.phase == "head"
            assert up.accepted == 1

    @pytest.mark.parametrize("phase", ["body", "stream"])
    @pytest.mark.parametrize(
        ("wire", "words"),
        [
            (whole(b"abcdef")[:-1], "closed before"),
            (CHUNKED + b"3\r\nabc\r\n", "closed before"),
            (CHUNKED + b"3\r\nabc\r\n0\r\n", "closed before"),
            (CHUNKED + b"3\r\nabcd\r\n", "not valid HTTP"),
            (CHUNKED + b"xyz\r\nabc\r\n", "not valid HTTP"),
            (CHUNKED + b"FFFFFFFFFFFFFFFFFF\r\nabc\r\n", "not valid HTTP"),
            (CHUNKED + b"3\r\nabc\r\n0\r\n" + b"x: y\r\n" * 60_000, "head is too large"),
            (CHUNKED + b"3;" + b"x" * 400_000, "head is too large"),
        ],
    )
    async def test_body(self, client: Client, wire: bytes, words: str, phase: str) -> None:
        with serving(answering(wire, "close")) as up:
            response = await client.send(asking(up.origin))
            assert response.body is None
            with pytest.raises(UpstreamError, match=words) as caught:
                await (response.read(1000) if phase == "body" else response.pipe(bytes))
            assert (caught.value.phase, caught.value.kind) == (phase, "upstream_fault")
            assert caught.value.upstream_status == 200
            response.close()
            assert client.stats.idle == 0

    @pytest.mark.parametrize("phase", ["body", "stream"])
    async def test_body_reset(self, client: Client, phase: str) -> None:
        with serving(answering(whole(b"abc")[:-1], "reset")) as up:
            response = await client.send(asking(up.origin))
            feed_back(client, b"!")
            with pytest.raises(UpstreamError, match="reset") as caught:
                await (response.read(1000) if phase == "body" else response.pipe(bytes))
            assert caught.value.phase == phase
            response.close()

    @pytest.mark.parametrize("is_whole", [True, False])
    async def test_body_over_the_limit(self, client: Client, is_whole: bool) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(whole(bytes(100))[: None if is_whole else -80])
            peer.send(bytes(10))
            peer.stall()

        with serving(script) as up:
            response = await client.send(asking(up.origin))
            with pytest.raises(UpstreamError, match="exceeds 15 bytes") as caught:
                await response.read(15)
            assert caught.value.phase == "body"
            response.close()
            assert await asyncio.to_thread(up.gone.acquire, timeout=5)

    async def test_read_after_close(self, client: Client) -> None:
        with serving(answering(whole(b"abc")[:-1], "stall")) as up:
            response = await client.send(asking(up.origin))
            response.close()
            response.pause()
            response.resume()
            with pytest.raises(UpstreamError, match="closed on our side"):
                await response.read(100)


def feed_back(client: Client, data: bytes) -> None:
    """Bytes to the upstream, past the client's rules."""
    (connection,) = client._pool._connections
    connection._transport.write(data)


class TestEarlyAnswer:
    @pytest.mark.parametrize("then", ["stall", "close"])
    async def test_answer_before_the_request_was_taken(self, client: Client, then: str) -> None:
        def script(peer: Peer) -> None:
            peer.head()
            peer.send(whole(b"too large", status=413))
            if then == "stall":
                time.sleep(0.2)
                peer.stall()
            # else: closed with unread bytes, which is a reset

        with serving(script, echo) as up:
            response = await client.send(asking(up.origin, bytes(30_000_000)))
            assert response.status == 413
            assert await response.read(100) == b"too large"
            response.close()
            assert client.stats.idle == 0
            second = await client.send(asking(up.origin, b"again"))
            assert second.body == b"again"
            second.close()
