"""The WebSocket on real sockets: whole messages one at a time, and how it ends what does not end by itself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.wire.serving import serving
from torouter.errors import TorouterError, UpstreamError
from torouter.wire.exchange import Exchange
from torouter.wire.message_exchange import MessageExchange
from torouter.wire.server import Connection, Limits
from torouter.wire.sse import MAX_FRAME_BYTES
from torouter.wire.websocket import Message, WebSocket, accept

LIMITS = Limits(body_bytes=100_000, body_s=0.3, stalled_reader_s=60.0, ping_s=60.0, idle_s=60.0)


@dataclass
class Heard:
    """A `Sink` that sends what it is given on."""

    websocket: WebSocket

    def event(self, data: bytes) -> None:
        self.websocket.send(data)

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        self.websocket.send(b"%d " % status + body)


class SocketSite:
    """Answers a text with itself; `whole` with a body that is no stream, `latin` with what is no UTF-8, `huge` with an
    event over the limit, `flood` with 4 MB, `wait` late, and `fault` with one of ours."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self.connections: set[Connection] = set()
        self.ids: list[bytes] = []
        self.began = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.ended = asyncio.Event()

    async def serve(self, exchange: Exchange) -> None:
        websocket = accept(exchange, self.limits)

        async def handle(message: Message) -> None:
            await self._answer(websocket.turn(message, exchange.head, message.text or b"binary", Heard(websocket)))

        try:
            await websocket.each(handle)
        finally:
            self.ended.set()

    async def _answer(self, turn: MessageExchange) -> None:
        self.ids.append(turn.request_id)
        self.began.set()
        if turn.body == b"fault":
            raise ZeroDivisionError("a fault of ours")
        if turn.body == b"wait":
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        if turn.body == b"flood":
            turn.begin(200, b"content-type: text/event-stream\r\n")
            for _ in range(64):
                turn.write(b"data: " + b"x" * 65536 + b"\n\n")
            turn.end()
        elif turn.body == b"huge":
            turn.begin(200, b"content-type: text/event-stream\r\n")
            with pytest.raises(UpstreamError):
                turn.write(b"data: " + b"x" * (MAX_FRAME_BYTES + 1))
            turn.write(b"\n\ndata: the end")
            turn.end()
        elif turn.body == b"latin":
            turn.respond(200, b"content-type: text/event-stream\r\n", b"data: \xff\n\n")
        elif turn.body == b"whole":
            turn.respond(200, b"content-type: application/json\r\n", b"{}")
        else:
            turn.respond(200, b"content-type: text/event-stream\r\n", b"data: " + turn.body + b"\n\n")

    def refuse(self, exchange: Exchange, error: TorouterError | None) -> None:
        raise AssertionError("an exchange that was upgraded is not refused")


@pytest.fixture
async def site() -> SocketSite:
    return SocketSite()


@asynccontextmanager
async def opened(site: SocketSite) -> AsyncIterator[ClientConnection]:
    async with (
        serving(site) as port,
        connect(f"ws://127.0.0.1:{port}/", ping_interval=None, proxy=None, compression=None) as client,
    ):
        yield client


async def closing_code(client: ClientConnection) -> int | None:
    """`None` where the connection was dropped."""
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(client.recv(), 5)
    return closed.value.rcvd.code if closed.value.rcvd else None


async def test_a_message_is_a_turn_with_an_id_of_its_own(site: SocketSite) -> None:
    async with opened(site) as client:
        for text, answer in (("one", "one"), ("grüß", "grüß"), ("whole", "200 {}"), (b"\xff", "binary")):
            await client.send(text)
            assert await client.recv() == answer
        assert client.response is not None
        upgrade_id = client.response.headers["x-request-id"].encode()
    assert len({upgrade_id, *site.ids}) == 5


async def test_a_fault_ends_the_connection(site: SocketSite, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(site) as client:
        await client.send("fault")
        assert await closing_code(client) is None
    assert "a fault of ours" in caplog.text


async def test_a_client_that_closes_is_answered_in_due_form(site: SocketSite) -> None:
    """And what was being done for it is cancelled."""
    async with opened(site) as client:
        await client.send("wait")
        await site.began.wait()
        await client.close(4000, "enough")
        assert client.close_code == 4000
        await asyncio.wait_for(site.cancelled.wait(), 1)
        await asyncio.wait_for(site.ended.wait(), 1)


async def test_every_connection_is_forgotten_in_the_end(site: SocketSite) -> None:
    async with opened(site) as client:
        assert len(site.connections) == 1
        await client.close()
        while site.connections:
            await asyncio.sleep(0.01)


async def test_what_is_no_utf_8_is_mended(site: SocketSite) -> None:
    async with opened(site) as client:
        await client.send("latin")
        assert await client.recv() == "\ufffd"


async def test_an_event_too_large_to_hold(site: SocketSite) -> None:
    """It is an upstream's fault, and the stream may still be ended in form."""
    async with opened(site) as client:
        await client.send("huge")
        assert await client.recv() == "the end"


async def test_a_silent_client_is_pinged(site: SocketSite) -> None:
    site.limits = Limits(ping_s=0.2, stalled_reader_s=1.5)
    async with opened(site) as client:
        await asyncio.sleep(2.5)
        await client.send("still here")
        assert await client.recv() == "still here"


async def test_a_client_that_answers_no_ping_is_dropped(site: SocketSite) -> None:
    site.limits = Limits(ping_s=0.2, stalled_reader_s=0.8)
    async with serving(site) as port:
        _, writer = await _upgraded(port)
        await asyncio.wait_for(site.ended.wait(), 4)
        writer.close()


async def test_an_idle_connection_is_closed(site: SocketSite) -> None:
    """Pongs are no messages."""
    site.limits = Limits(idle_s=0.6, ping_s=0.1)
    async with opened(site) as client:
        assert await closing_code(client) == 1001


async def test_a_long_turn_is_not_idle(site: SocketSite) -> None:
    site.limits = Limits(idle_s=0.2)
    async with opened(site) as client:
        await client.send("wait")
        await asyncio.sleep(1.2)
        assert not site.cancelled.is_set()
        assert not site.ended.is_set()


async def test_a_message_that_stops_half_way(site: SocketSite) -> None:
    async with serving(site) as port:
        reader, writer = await _upgraded(port)
        writer.write(b"\x81\x85\0\0\0\0he")
        said = await asyncio.wait_for(reader.read(), 5)
        assert said[:4] == b"\x88" + said[1:2] + (1008).to_bytes(2, "big")
        writer.close()


async def test_a_client_that_never_reads_is_dropped(site: SocketSite) -> None:
    site.limits = Limits(stalled_reader_s=0.3)
    async with serving(site) as port:
        _, writer = await _upgraded(port)
        writer.write(b"\x81\x85\0\0\0\0flood\x81\x85\0\0\0\0flood")
        await asyncio.wait_for(site.ended.wait(), 5)
        assert len(site.ids) == 1, "a client is asked nothing new before it has read what was said"
        writer.close()


async def test_what_waits_does_not_grow_with_what_is_dealt_with(site: SocketSite) -> None:
    """Thousands of messages may come in one read. As long as they wait there is not another one for each that is dealt
    with."""
    async with serving(site) as port:
        reader, writer = await _upgraded(port)
        taken = 0

        async def pour() -> None:
            nonlocal taken
            while True:
                writer.write(b"\x81\x85\0\0\0\0flood" * 5000)
                await writer.drain()
                taken += 1

        async def listen(turns: int) -> None:
            while len(site.ids) < turns:
                await reader.read(65536)

        pouring = asyncio.create_task(pour())
        await asyncio.wait_for(listen(3), 10)
        await asyncio.sleep(0.3)
        before = taken
        await asyncio.wait_for(listen(15), 10)
        await asyncio.sleep(0.3)
        pouring.cancel()
        writer.transport.abort()
    assert taken == before, "the gateway went on reading"


async def test_messages_without_pause_let_others_through(site: SocketSite) -> None:
    async with serving(site) as port, connect(f"ws://127.0.0.1:{port}/", proxy=None, compression=None) as other:
        _, writer = await _upgraded(port)
        writer.write(b"\x81\x80\0\0\0\0" * 8000)
        while len(site.ids) < 10:
            await asyncio.sleep(0)
        await other.send("me too")
        assert await other.recv() == "me too"
        dealt_with = len(site.ids)
        writer.transport.abort()
    assert dealt_with < 4000


async def test_a_client_that_does_not_close_its_end(site: SocketSite) -> None:
    """It gets the answer to its close frame, and two seconds."""
    async with serving(site) as port:
        reader, writer = await _upgraded(port)
        writer.write(b"\x88\x82\0\0\0\0\x03\xe8")
        assert await asyncio.wait_for(reader.read(), 1) == b"\x88\x02\x03\xe8"
        while site.connections:
            await asyncio.sleep(0.05)
        writer.close()


async def _upgraded(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that does nothing by itself, with little room for what it does not read."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    narrow.connect(("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=narrow, limit=1024)
    writer.write(
        b"GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    return reader, writer
