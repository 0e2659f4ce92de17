"""What is written in one turn of the loop: it leaves together, whole, and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.wire.serving import serving
from torouter.errors import TorouterError
from torouter.wire.exchange import JOIN_LIMIT_BYTES, Exchange
from torouter.wire.outbox import Outbox
from torouter.wire.server import Connection, Limits

LARGE = b"x" * (JOIN_LIMIT_BYTES + 1)


class Socket(asyncio.Transport):
    """Keeps each write."""

    def __init__(self, writes: list[tuple[str, bytes]], name: str = "a") -> None:
        super().__init__()
        self._writes, self._name = writes, name
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._writes.append((self._name, bytes(data)))

    def is_closing(self) -> bool:
        return self.is_closed


async def turn() -> None:
    await asyncio.sleep(0)


class TestOutbox:
    async def test_pieces_of_a_turn_leave_in_one_write(self) -> None:
        writes: list[tuple[str, bytes]] = []
        one, other = Socket(writes, "one"), Socket(writes, "other")
        outbox = Outbox(asyncio.get_running_loop())
        for socket, data in ((one, b"1"), (other, b"2"), (one, b"3")):
            outbox.write(socket, data)
        assert writes == []
        await turn()
        assert writes == [("one", b"13"), ("other", b"2")]
        outbox.write(one, b"4")
        await turn()
        assert writes[2:] == [("one", b"4")]

    async def test_what_is_asked_for_leaves_at_once_and_once(self) -> None:
        writes: list[tuple[str, bytes]] = []
        one, other = Socket(writes, "one"), Socket(writes, "other")
        outbox = Outbox(asyncio.get_running_loop())
        outbox.write(one, b"1")
        outbox.write(other, b"2")
        outbox.flush_of(one)
        outbox.flush_of(one)
        assert writes == [("one", b"1")]
        outbox.write(one, b"3")
        await turn()
        assert sorted(writes) == [("one", b"1"), ("one", b"3"), ("other", b"2")]

    async def test_what_is_written_while_all_leaves_goes_in_the_next_turn(self) -> None:
        writes: list[tuple[str, bytes]] = []
        outbox = Outbox(asyncio.get_running_loop())
        socket = Socket(writes)
        outbox.write(socket, b"1")
        asyncio.get_running_loop().call_soon(outbox.write, socket, b"2")
        await turn()
        await turn()
        assert [data for _, data in writes] == [b"1", b"2"]

    async def test_a_closed_connection_is_not_written_to(self) -> None:
        writes: list[tuple[str, bytes]] = []
        gone, there = Socket(writes, "gone"), Socket(writes, "there")
        outbox = Outbox(asyncio.get_running_loop())
        outbox.write(gone, b"1")
        outbox.write(there, b"2")
        gone.is_closed = True
        await turn()
        assert writes == [("there", b"2")]

    async def test_what_is_held_is_bounded(self) -> None:
        writes: list[tuple[str, bytes]] = []
        socket = Socket(writes)
        outbox = Outbox(asyncio.get_running_loop())
        for number in range(150):
            outbox.write(socket, b"%d," % number)
        assert len(writes) == 2
        await turn()
        assert b"".join(data for _, data in writes) == b"".join(b"%d," % number for number in range(150))


class Site:
    def __init__(self, serve: Callable[[Exchange], None]) -> None:
        self.limits = Limits()
        self.connections: set[Connection] = set()
        self._serve = serve

    async def serve(self, exchange: Exchange) -> None:
        self._serve(exchange)

    def refuse(self, exchange: Exchange, error: TorouterError | None) -> None:
        exchange.respond(400, b"", b"refused")


def torn(exchange: Exchange) -> None:
    exchange.begin(200, b"")
    exchange.write(b"one")
    exchange.write(b"two")
    exchange.abort()


def short(exchange: Exchange) -> None:
    """Of what was announced."""
    exchange.begin(200, b"", 10)
    exchange.write(b"onetwo")
    exchange.end()


def faulty(exchange: Exchange) -> None:
    exchange.begin(200, b"")
    exchange.write(b"one")
    exchange.write(b"two")
    raise ValueError("a fault of ours")


def mixed(exchange: Exchange) -> None:
    exchange.begin(200, b"", None if exchange.query == b"chunked" else 3 * 3 + 2 * len(LARGE))
    for data in (b"one", LARGE, b"two", b"", LARGE, b"six"):
        exchange.write(data)
    exchange.end()


def large_first(exchange: Exchange) -> None:
    exchange.begin(200, b"", None if exchange.query == b"chunked" else len(LARGE) + 3)
    exchange.write(LARGE)
    exchange.write(b"two")
    exchange.end()


def whole(exchange: Exchange) -> None:
    exchange.respond(200, b"", exchange.path + exchange.body)


async def sent(serve: Callable[[Exchange], None], data: bytes) -> bytes:
    """All that comes until the server closes."""
    async with serving(Site(serve)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        got = bytearray()
        try:
            while piece := await asyncio.wait_for(reader.read(65536), 10):
                got += piece
        except ConnectionResetError:
            pass
        writer.close()
        return bytes(got)


def get(path: bytes, *, is_last: bool = True) -> bytes:
    return b"GET %b HTTP/1.1\r\nhost: h\r\n%b\r\n" % (path, b"connection: close\r\n" if is_last else b"")


@pytest.mark.parametrize("serve", [torn, short, faulty])
async def test_what_was_written_before_a_connection_is_dropped_arrives(serve: Callable[[Exchange], None]) -> None:
    got = await sent(serve, get(b"/"))
    body = got.partition(b"\r\n\r\n")[2]
    assert body in (b"3\r\none\r\n3\r\ntwo\r\n", b"onetwo")


@pytest.mark.parametrize("serve", [mixed, large_first])
@pytest.mark.parametrize("query", [b"chunked", b""])
async def test_large_pieces_keep_their_place(serve: Callable[[Exchange], None], query: bytes) -> None:
    head, _, body = (await sent(serve, get(b"/?" + query))).partition(b"\r\n\r\n")
    pieces = [b"one", LARGE, b"two", LARGE, b"six"] if serve is mixed else [LARGE, b"two"]
    assert head.count(b"HTTP/1.1 200 OK") == 1
    if query:
        assert body == b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
    else:
        assert body == b"".join(pieces)


async def test_answers_to_pipelined_requests_leave_in_order() -> None:
    got = await sent(whole, get(b"/one", is_last=False) + get(b"/two", is_last=False) + get(b"/three"))
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in got.split(b"HTTP/1.1 200 OK")[1:]] == [
        b"/one",
        b"/two",
        b"/three",
    ]


async def test_an_invitation_to_go_on_comes_behind_the_answer_before() -> None:
    post = b"POST /two HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 4\r\nconnection: close\r\n\r\n"
    async with serving(Site(whole)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get(b"/one", is_last=False) + post)
        got = await asyncio.wait_for(reader.readuntil(b"HTTP/1.1 100 Continue\r\n\r\n"), 10)
        assert b"/one" in got
        writer.write(b"body")
        assert (await asyncio.wait_for(reader.read(-1), 10)).endswith(b"/twobody")
        writer.close()
