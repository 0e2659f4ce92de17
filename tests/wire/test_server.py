"""The server adapter on real sockets: framing, order, limits, slow senders, and how connections end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.wire.serving import serving
from torouter.errors import TorouterError
from torouter.wire.exchange import Exchange
from torouter.wire.server import Connection, Limits

LIMITS = Limits(body_bytes=1000, head_s=0.4, body_s=0.4, keep_alive_s=5.0, stalled_reader_s=5.0)


class EchoSite:
    """Answers with method, path, query and body; `/stream/N` in N pieces; refusals with code and status as text."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self.connections: set[Connection] = set()
        self.cancelled = asyncio.Event()
        self.started = asyncio.Event()
        self.paused: list[str] = []

    async def serve(self, exchange: Exchange) -> None:
        self.started.set()
        if exchange.path == b"/fault":
            raise ZeroDivisionError("a fault of ours")
        if exchange.path == b"/wait":
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        if exchange.path.startswith(b"/stream/"):
            exchange.begin(200, b"content-type: text/plain\r\n")
            for number in range(int(exchange.path[8:])):
                exchange.write(b"piece %d\n" % number)
                await asyncio.sleep(0)
            exchange.end()
            return
        if exchange.path == b"/flood":
            exchange.on_pause = lambda: self.paused.append("pause")
            exchange.begin(200, b"")
            for _ in range(64):
                exchange.write(b"x" * 65536)
            exchange.end()
            return
        text = b"%b %b?%b %b" % (exchange.method, exchange.path, exchange.query, exchange.body)
        exchange.respond(200, b"content-type: text/plain\r\n", text)

    def refuse(self, exchange: Exchange, error: TorouterError | None) -> None:
        status, code = (500, "fault") if error is None else (error.status, error.code or "")
        exchange.respond(status, b"content-type: text/plain\r\n", code.encode())


@pytest.fixture
async def site() -> EchoSite:
    return EchoSite()


@pytest.fixture
async def port(site: EchoSite) -> AsyncIterator[int]:
    async with serving(site) as number:
        yield number


async def talk(port: int, data: bytes, *, eof: bool = False, limit_s: float = 5.0) -> bytes:
    """Sends and reads until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    await writer.drain()
    if eof:
        writer.write_eof()
    try:
        return await asyncio.wait_for(reader.read(-1), limit_s)
    finally:
        writer.close()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


CLOSE = b"host: h\r\nconnection: close\r\n"


async def test_answers_whole_with_date_length_and_request_id(port: int) -> None:
    answer = await talk(port, b"POST /a?b=1 HTTP/1.1\r\n" + CLOSE + b"content-length: 3\r\n\r\nabc")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b"POST /a?b=1 abc"
    assert b"content-length: 15" in head
    assert b"\r\ndate: " in head
    assert b"\r\nx-request-id: req_" in head


async def test_streams_in_chunks(port: int) -> None:
    answer = await talk(port, b"GET /stream/3 HTTP/1.1\r\n" + CLOSE + b"\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert body == b"8\r\npiece 0\n\r\n8\r\npiece 1\n\r\n8\r\npiece 2\n\r\n0\r\n\r\n"


async def test_an_http_1_0_client_gets_no_chunks(port: int) -> None:
    answer = await talk(port, b"GET /stream/2 HTTP/1.0\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert body == b"piece 0\npiece 1\n"


async def test_head_request_has_a_length_and_no_body(port: int) -> None:
    answer = await talk(port, b"HEAD / HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert b"content-length: 8" in answer


async def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    three = b"".join(b"GET /%d HTTP/1.1\r\nhost: h\r\n\r\n" % n for n in range(30))
    answer = await talk(port, three + b"GET /last HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert [line for line in answer.split(b"\r\n") if b"GET /" in line]
    positions = [answer.index(b"GET /%d? " % n) for n in range(30)]
    assert positions == sorted(positions)
    assert b"GET /last? " in answer


async def test_byte_by_byte(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    data = b"POST /x HTTP/1.1\r\n" + CLOSE + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    for position in range(len(data)):
        writer.write(data[position : position + 1])
        await writer.drain()
    assert (await reader.read(-1)).endswith(b"POST /x? abc")
    writer.close()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400, id="two hosts"),
        pytest.param(b"NONSENSE\r\n\r\n", 400, id="no request line"),
        pytest.param(b"GET / HTTP/9.9\r\nhost: h\r\n\r\n", 400, id="unknown version"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, id="http/2 preface"),
        pytest.param(b"GET nopath HTTP/1.1\r\nhost: h\r\n\r\n", 400, id="target is no path"),
        pytest.param(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: -1\r\n\r\n", 400, id="negative length"),
        pytest.param(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: +1\r\n\r\na", 400, id="signed length"),
        pytest.param(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0x1\r\n\r\na", 400, id="hex length"),
        pytest.param(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1, 1\r\n\r\na", 400, id="length list"),
        pytest.param(
            b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na", 400, id="two lengths"
        ),
        pytest.param(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999999999999999\r\n\r\n", 400, id="overflow"),
        pytest.param(
            b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            id="length and chunked",
        ),
        pytest.param(b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip\r\n\r\n", 400, id="gzip coding"),
        pytest.param(b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 400, id="two codings"),
        pytest.param(b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: xchunked\r\n\r\n", 400, id="lookalike"),
        pytest.param(
            b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            id="chunked twice",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400, id="bad chunk size"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            400,
            id="chunk size overflow",
        ),
        pytest.param(b"GET / HTTP/1.1\nhost: h\n\n", 400, id="bare line feeds"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: h\r\nx : y\r\n\r\n", 400, id="space before colon"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: h\r\nx: a\r\n b\r\n\r\n", 400, id="folded header"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: h\r\nx: a\0b\r\n\r\n", 400, id="nul in header"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: h\r\nx: a\rb\r\n\r\n", 400, id="bare cr in header"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: h\r\nx: " + b"a" * 70_000 + b"\r\n\r\n", 431, id="huge header"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: h\r\n" + b"x: y\r\n" * 201 + b"\r\n", 431, id="many headers"),
        pytest.param(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: h\r\n\r\n", 431, id="huge target"),
        pytest.param(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1001\r\n\r\n", 413, id="announced too large"),
        pytest.param(
            b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n" + b"a" * 1001 + b"\r\n",
            413,
            id="chunked too large",
        ),
        pytest.param(b"GET / HTTP/1.1\r\nhost: h\r\nexpect: miracles\r\n\r\n", 417, id="expectation"),
    ],
)
async def test_refuses_and_closes(port: int, request_bytes: bytes, status: int) -> None:
    answer = await talk(port, request_bytes)
    assert status_of(answer) == status
    assert b"connection: close" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


H2C = b"host: h\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"
WEBSOCKET = b"host: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n"


@pytest.mark.parametrize(
    "framing", [b"content-length: 3\r\n\r\nabc", b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
)
async def test_a_wish_for_another_protocol_is_passed_over(port: int, framing: bytes) -> None:
    """With every POST, Java's own client: its body is no less a body."""
    asking = b"POST /%d HTTP/1.1\r\n" + H2C + framing
    last = b"POST /last HTTP/1.1\r\n" + H2C.replace(b"Upgrade,", b"Upgrade, close,") + framing
    answer = await talk(port, b"".join(asking % n for n in range(2000)) + last)
    assert answer.count(b"HTTP/1.1 200 ") == 2001
    assert [b"POST /%d? abc" % n in answer for n in range(2000)] == [True] * 2000
    assert answer.endswith(b"POST /last? abc")


async def test_such_a_wish_byte_by_byte(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    data = b"POST /x HTTP/1.1\r\n" + H2C + b"expect: 100-continue\r\ncontent-length: 3\r\n\r\nabc"
    for position in range(len(data)):
        writer.write(data[position : position + 1])
        await writer.drain()
    writer.write(b"GET /y HTTP/1.1\r\n" + CLOSE + b"\r\n")
    answer = await reader.read(-1)
    writer.close()
    assert answer.count(b"HTTP/1.1 100 Continue") == 1
    assert b"POST /x? abc" in answer
    assert answer.endswith(b"GET /y? ")


@pytest.mark.parametrize(
    "framing", [b"content-length: 6\r\n\r\n\x89\0\0\0\0\0", b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"]
)
async def test_a_request_for_a_websocket_has_no_body(port: int, framing: bytes) -> None:
    """A proxy would take it for a body, and we for frames."""
    answer = await talk(port, b"GET / HTTP/1.1\r\n" + WEBSOCKET + framing)
    assert status_of(answer) == 400
    assert answer.endswith(b"upgrade_with_body")
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_nothing_after_a_refused_request_is_served(port: int) -> None:
    smuggled = b"GET /smuggled HTTP/1.1\r\nhost: h\r\n\r\n"
    answer = await talk(
        port,
        b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
        % len(smuggled)
        + smuggled,
    )
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"smuggled" not in answer


async def test_absolute_form_and_expect_continue(port: int) -> None:
    answer = await talk(
        port,
        b"POST http://h/abs?q=1 HTTP/1.1\r\n" + CLOSE + b"expect: 100-continue\r\ncontent-length: 2\r\n\r\nok",
    )
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"POST /abs?q=1 ok")


async def test_slow_head_and_slow_body_get_408(port: int) -> None:
    head, body = await asyncio.gather(
        talk(port, b"GET / HTTP/1.1\r\nhost:"),
        talk(port, b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nabc"),
    )
    assert status_of(head) == 408
    assert status_of(body) == 408


async def test_a_client_that_leaves_cancels(port: int, site: EchoSite) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /wait HTTP/1.1\r\nhost: h\r\n\r\n")
    await site.started.wait()
    writer.close()
    await asyncio.wait_for(site.cancelled.wait(), 2)


async def test_a_fault_of_ours_is_a_500_without_details(port: int, caplog: pytest.LogCaptureFixture) -> None:
    answer = await talk(port, b"GET /fault HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert status_of(answer) == 500
    assert b"ZeroDivision" not in answer
    assert "fault request_id=req_" in caplog.text


async def test_a_slow_reader_is_told(port: int, site: EchoSite) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(b"GET /flood HTTP/1.1\r\n" + CLOSE + b"\r\n")
    for _ in range(100):
        await asyncio.sleep(0.02)
        if site.paused:
            break
    assert site.paused == ["pause"]
    writer.transport.abort()


async def test_shutdown_finishes_what_runs_and_closes_the_rest() -> None:
    site = EchoSite()
    async with serving(site) as port:
        idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", port)
        idle_writer.write(b"GET /first HTTP/1.1\r\nhost: h\r\n\r\n")
        assert b"GET /first" in await idle_reader.readuntil(b"first? ")
        busy_reader, busy_writer = await asyncio.open_connection("127.0.0.1", port)
        busy_writer.write(b"GET /stream/200 HTTP/1.1\r\nhost: h\r\n\r\n")
        await busy_reader.readline()
    assert await idle_reader.read(-1) == b""
    assert (await busy_reader.read(-1)).endswith(b"0\r\n\r\n")
    idle_writer.close()
    busy_writer.close()
