"""A repeated head is known again by its bytes, and by nothing less."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.wire.serving import serving
from torouter.errors import TorouterError
from torouter.wire.exchange import Exchange
from torouter.wire.head import Head, Repeat
from torouter.wire.server import Connection, Limits

LIMIT = 1000
FIELDS = [(b"host", b"h"), (b"content-length", b"3"), (b"accept", b"*/*")]
DATA = b"POST /x?q HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nAccept: */*\r\n\r\nabc"


def head(method: bytes = b"POST", fields: list[tuple[bytes, bytes]] | None = None, *, keep_alive: bool = True) -> Head:
    return Head(method, b"/x", b"q", FIELDS if fields is None else fields, keep_alive)


def repeat() -> Repeat:
    found = Repeat.of(head(), DATA, 3, LIMIT)
    assert found is not None
    return found


@pytest.mark.parametrize("body", [b"", b"z", b"other", b"x" * 12, b"\r\n\r\n", b"y" * LIMIT, DATA])
def test_other_digits_and_that_many_bytes_are_a_repeat(body: bytes) -> None:
    assert repeat().body_of(DATA.replace(b"3\r", b"%d\r" % len(body)).replace(b"abc", body)) == body


def test_the_head_itself_is_a_repeat() -> None:
    assert repeat().body_of(DATA) == b"abc"
    assert repeat().head.path == b"/x"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"abc", b"ab", id="a body not whole"),
        pytest.param(b"abc", b"abcG", id="something behind"),
        pytest.param(b"abc", b"abc" + DATA, id="another request behind"),
        pytest.param(b": 3", b": +3", id="a sign"),
        pytest.param(b": 3", b": -3", id="a negative length"),
        pytest.param(b": 3", b":  3", id="more space"),
        pytest.param(b": 3", b": 3 ", id="space behind"),
        pytest.param(b": 3", b": 0x3", id="another base"),
        pytest.param(b": 3", b": 3,3", id="a list"),
        pytest.param(b": 3", b": 3_0", id="an underscore"),
        pytest.param(b": 3", b": \xb3", id="no ASCII digit"),
        pytest.param(b": 3", b": ", id="no digits"),
        pytest.param(b": 3", b": 0000000003", id="too many digits"),
        pytest.param(b": 3\r\n", b": 3\n", id="a bare line feed"),
        pytest.param(b": 3\r\n", b": 3\r", id="a bare carriage return"),
        pytest.param(b": 3\r\n", b": 3\r\nTransfer-Encoding: chunked\r\n", id="another coding"),
        pytest.param(b": 3\r\n", b": 3\r\nContent-Length: 3\r\n", id="a second length"),
        pytest.param(b": 3\r\n", b": 3\r\n x\r\n", id="a folded line"),
        pytest.param(b"Accept", b"accept", id="another spelling"),
        pytest.param(b"*/*", b"*/ *", id="another value"),
        pytest.param(b"/x?q", b"/y?q", id="another path"),
        pytest.param(b"POST", b"PUT", id="another method"),
        pytest.param(b"HTTP/1.1", b"HTTP/1.0", id="another version"),
        pytest.param(b"POST", b"\r\nPOST", id="an empty line before"),
        pytest.param(b"\r\n\r\nabc", b"\r\nX: y\r\n\r\nabc", id="one field more"),
        pytest.param(DATA, b"", id="nothing"),
        pytest.param(DATA, DATA[:40], id="half a head"),
    ],
)
def test_anything_else_is_none(old: bytes, new: bytes) -> None:
    assert old in DATA
    assert repeat().body_of(DATA.replace(old, new)) is None


def test_a_body_over_the_limit_is_none() -> None:
    body = b"y" * (LIMIT + 1)
    assert repeat().body_of(DATA.replace(b"3\r", b"1001\r").replace(b"abc", body)) is None


ALONE = DATA[:-3]


@pytest.mark.parametrize("size", [1, 3, 12, LIMIT])
def test_a_head_alone_announces_its_body(size: int) -> None:
    alone = Repeat.of(head(), ALONE, 3, LIMIT)
    assert alone is not None
    for known in (alone, repeat()):
        assert known.announced_bytes(ALONE.replace(b"3\r", b"%d\r" % size)) == size


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"\r\n\r\n", b"\r\n\r\na", id="some of the body"),
        pytest.param(b": 3", b": 0", id="no body"),
        pytest.param(b": 3", b": +3", id="a sign"),
        pytest.param(b": 3", b": 3_0", id="an underscore"),
        pytest.param(b": 3", b": \xb3", id="no ASCII digit"),
        pytest.param(b": 3", b": ", id="no digits"),
        pytest.param(b": 3", b": 0000000003", id="too many digits"),
        pytest.param(b": 3", b": 1001", id="over the limit"),
        pytest.param(b": 3\r\n", b": 3\r\nTransfer-Encoding: chunked\r\n", id="another coding"),
        pytest.param(b": 3\r\n", b": 3\r\nContent-Length: 3\r\n", id="a second length"),
        pytest.param(b"/x?q", b"/y?q", id="another path"),
        pytest.param(ALONE, ALONE + ALONE, id="two heads"),
        pytest.param(ALONE, b"", id="nothing"),
        pytest.param(ALONE, ALONE[:-2], id="no blank line"),
        pytest.param(ALONE, ALONE[: ALONE.index(b"3")], id="what stands before the digits"),
    ],
)
def test_anything_else_announces_nothing(old: bytes, new: bytes) -> None:
    assert old in ALONE
    assert repeat().announced_bytes(ALONE.replace(old, new)) == 0


@pytest.mark.parametrize(
    ("seen", "data", "body_bytes"),
    [
        pytest.param(head(b"PUT"), DATA.replace(b"POST", b"PUT"), 3, id="not posted"),
        pytest.param(head(keep_alive=False), DATA, 3, id="the last request"),
        *(
            pytest.param(head(fields=[*FIELDS, (name, b"x")]), DATA, 3, id=name.decode())
            for name in (b"transfer-encoding", b"trailer", b"te", b"expect", b"upgrade")
        ),
        pytest.param(head(), b"\r\n" + DATA, 3, id="an empty line before"),
        pytest.param(head(), DATA + b"\r\n", 3, id="something behind"),
        pytest.param(head(), DATA[:-1], 3, id="a body not whole"),
        pytest.param(head(), DATA + DATA, 3, id="two requests"),
        pytest.param(head(), b"abc" + DATA, 3, id="the end of a body before"),
        pytest.param(head(), ALONE[:-2], 3, id="a head not whole"),
        pytest.param(head(), ALONE[:-2], len(ALONE) - 5, id="a head not whole, of a body as long"),
        pytest.param(head(), ALONE + ALONE, 3, id="two heads"),
        pytest.param(head(), DATA.replace(b"Content-Length: 3\r\n", b""), 3, id="no length"),
        pytest.param(head(), DATA.replace(b": 3\r\n", b": 3 \r\n"), 3, id="space behind the length"),
        pytest.param(head(), DATA.replace(b": 3\r\n", b": 4\r\n"), 3, id="another length"),
    ],
)
def test_what_is_not_remembered(seen: Head, data: bytes, body_bytes: int) -> None:
    assert Repeat.of(seen, data, body_bytes, LIMIT) is None


def test_an_http_1_0_head_is_not_remembered() -> None:
    seen = head()
    seen.is_http10 = True
    assert Repeat.of(seen, DATA, 3, LIMIT) is None


class ReadingSite:
    """Leaves a reading in every head but that of `/unread`; answers after a moment, with path and body."""

    def __init__(self) -> None:
        self.limits = Limits(body_bytes=LIMIT)
        self.connections: set[Connection] = set()
        self.heads: list[Head] = []

    async def serve(self, exchange: Exchange) -> None:
        self.heads.append(exchange.head)
        if exchange.path != b"/unread":
            exchange.head.reading = exchange.head.reading or object()
        await asyncio.sleep(0.005)
        exchange.respond(200, b"", b"%b %b|" % (exchange.path, exchange.body))

    def refuse(self, exchange: Exchange, error: TorouterError | None) -> None:
        assert error is not None
        exchange.respond(error.status, b"", (error.code or "").encode())


@pytest.fixture
async def site() -> ReadingSite:
    return ReadingSite()


@pytest.fixture
async def port(site: ReadingSite) -> AsyncIterator[int]:
    async with serving(site) as number:
        yield number


def post(body: bytes, path: bytes = b"/x", more: bytes = b"") -> bytes:
    return b"POST %b HTTP/1.1\r\nhost: h\r\n%bcontent-length: %d\r\n\r\n%b" % (path, more, len(body), body)


async def converse(port: int, *pieces: bytes) -> bytes:
    """Sends piece by piece, each after the answers to those before it; everything the server said until it closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = b""
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.05)
    writer.write(b"GET /bye HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
    said = await asyncio.wait_for(reader.read(-1), 5)
    writer.close()
    return said


def bodies(said: bytes) -> list[bytes]:
    """Of all answers but that to the farewell."""
    answers = [part.partition(b"\r\n\r\n")[2] for part in said.split(b"HTTP/1.1 200 OK")[1:-1]]
    return [answer.removesuffix(b"|").split(b" ", 1)[1] for answer in answers]


async def test_repeats_and_all_else_on_one_connection(site: ReadingSite, port: int) -> None:
    said = await converse(
        port,
        post(b"one"),
        post(b"three"),
        post(b"two") + post(b"more"),  # pipelined
        post(b"in pieces")[:-4],
        b"eces",
        b"\r\n" + post(b"after an empty line"),
        post(b"fourth", more=b"x: y\r\n"),
        b"POST /x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        post(b""),
        post(b"last"),
    )
    expected = [
        b"one",
        b"three",
        b"two",
        b"more",
        b"in pieces",
        b"after an empty line",
        b"fourth",
        b"abc",
        b"",
        b"last",
    ]
    assert bodies(said) == expected
    is_repeat = [head is site.heads[number] for number, head in enumerate(site.heads[1:])]
    assert is_repeat == [True, False, False, False, False, False, False, False, True, False]


async def test_a_repeat_over_the_limit_is_refused(port: int) -> None:
    said = await converse(port, post(b"one"), post(b"two"), post(b"x" * (LIMIT + 1)))
    assert b"HTTP/1.1 413 " in said


async def test_a_repeat_takes_no_more_than_it_announces(site: ReadingSite, port: int) -> None:
    said = await converse(port, post(b"one"), post(b"two"), post(b"abc") + post(b"s", b"/inner"))
    assert bodies(said) == [b"one", b"two", b"abc", b"s"]
    assert [head.path for head in site.heads] == [b"/x", b"/x", b"/x", b"/inner", b"/bye"]


async def test_a_head_that_nobody_read_is_not_taken_again(site: ReadingSite, port: int) -> None:
    await converse(port, post(b"a", b"/unread"), post(b"b", b"/unread"))
    assert site.heads[0] is not site.heads[1]


async def test_connections_share_equal_heads_and_no_others(site: ReadingSite, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post(b"first"))
    await reader.readuntil(b"|")
    said = await converse(port, post(b"second"), post(b"third"), post(b"fourth", more=b"x: y\r\n"), post(b"fifth"))
    writer.close()
    assert bodies(said) == [b"second", b"third", b"fourth", b"fifth"]
    first, second, third, fourth, fifth, _ = site.heads
    assert third is first
    assert len({id(head) for head in (first, second, fourth, fifth)}) == 4


def split(body: bytes, path: bytes = b"/x") -> tuple[bytes, bytes]:
    """A request as clients send it that write the head before the body."""
    whole = post(body, path)
    return whole[: len(whole) - len(body)], body


async def test_heads_that_come_before_their_bodies_are_known_again(site: ReadingSite, port: int) -> None:
    pieces = [piece for body in (b"one", b"second", b"third") for piece in split(body)]
    said = await converse(port, *pieces, post(b"in one"), *split(b"last"))
    assert bodies(said) == [b"one", b"second", b"third", b"in one", b"last"]
    assert len({id(head) for head in site.heads[:-1]}) == 1


async def test_bodies_behind_a_known_head_may_come_cut_anywhere_and_with_more_behind(
    site: ReadingSite, port: int
) -> None:
    known, _ = split(b"abcdef")
    said = await converse(
        port,
        *split(b"uvwxyz"),
        *(known, b"ab", b"cd", b"ef"),
        *(known, b"ab", b"cdef" + post(b"behind", b"/y")),
        *(known, b"abcdef" + known, b"ABCDEF"),
    )
    assert bodies(said) == [b"uvwxyz", b"abcdef", b"abcdef", b"behind", b"abcdef", b"ABCDEF"]
    assert [head.path for head in site.heads] == [b"/x", b"/x", b"/x", b"/y", b"/x", b"/x", b"/bye"]


async def test_a_head_is_not_learnt_from_the_request_behind_it(site: ReadingSite, port: int) -> None:
    """Of the same length, so that only the head itself tells them apart."""
    alone, body = split(b"abc")
    said = await converse(port, alone, body + post(b"def", b"/y"), post(b"ghi"), *split(b"jkl"))
    assert bodies(said) == [b"abc", b"def", b"ghi", b"jkl"]
    assert [head.path for head in site.heads] == [b"/x", b"/y", b"/x", b"/x", b"/bye"]


async def test_a_body_that_does_not_come_spoils_no_head_that_others_share(site: ReadingSite, port: int) -> None:
    site.limits = Limits(body_bytes=LIMIT, body_s=0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in (*split(b"one"), split(b"two")[0], b"t"):
        writer.write(piece)
        await asyncio.sleep(0.05)
    said = await asyncio.wait_for(reader.read(-1), 5)
    writer.close()
    assert b"HTTP/1.1 408 " in said
    assert b"request_timeout" in said
    assert site.heads[0].keep_alive
