"""What an exchange tells of its ends: before the bytes that make an answer whole, and when the client has left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.wire.serving import serving
from torouter.errors import TorouterError
from torouter.wire.exchange import Exchange
from torouter.wire.server import Connection, Limits

Serve = Callable[[Exchange], None]


class Site:
    """Answers as a test says. `gone_on` is set when an answer was made whose client had left."""

    def __init__(self, serve: Serve) -> None:
        self.limits = Limits()
        self.connections: set[Connection] = set()
        self._serve = serve
        self.started, self.gone_on, self.cancelled = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def serve(self, exchange: Exchange) -> None:
        self._serve(exchange)
        if exchange.on_left is None:
            return
        self.started.set()
        try:
            await asyncio.sleep(0.2)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        exchange.respond(200, b"", b"for nobody")
        self.gone_on.set()

    def refuse(self, exchange: Exchange, error: TorouterError | None) -> None:
        exchange.respond(500, b"", b"refused")


def whole(exchange: Exchange) -> None:
    exchange.respond(200, b"", b"whole")


def sized(exchange: Exchange) -> None:
    exchange.begin(200, b"", 6)
    exchange.write(b"one")
    exchange.write(b"two")
    exchange.end()


def chunked(exchange: Exchange) -> None:
    exchange.begin(200, b"")
    exchange.write(b"one")
    exchange.write(b"two")
    exchange.end()


def marked(exchange: Exchange) -> None:
    exchange.begin(200, b"")
    exchange.write(b"one")
    exchange.last()
    exchange.write(b"[DONE]")
    exchange.end()


async def asked(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
    got = await asyncio.wait_for(reader.read(-1), 10)
    writer.close()
    return got


@pytest.mark.parametrize("answer", [whole, sized, chunked, marked])
async def test_the_last_is_told_once(answer: Serve) -> None:
    told: list[int] = []

    def serve(exchange: Exchange) -> None:
        exchange.on_last = lambda: told.append(exchange.status)
        answer(exchange)

    async with serving(Site(serve)) as port:
        assert b"200" in await asked(port)
    assert told == [200]


@pytest.mark.parametrize(
    ("answer", "given", "withheld"),
    [
        (whole, b"refused", b"whole"),
        (sized, b"one", b"two"),
        (chunked, b"two", b"0\r\n\r\n"),
        (marked, b"one", b"DONE"),
    ],
)
async def test_it_is_told_before_the_answer_is_whole(
    answer: Serve, given: bytes, withheld: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Who fails then is seen to have failed."""

    def fail() -> None:
        raise ZeroDivisionError

    def serve(exchange: Exchange) -> None:
        exchange.on_last = fail
        answer(exchange)

    async with serving(Site(serve)) as port:
        got = await asked(port)
    assert given in got or got == b""  # an aborted connection may lose what was written
    assert withheld not in got
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("goes_on", [True, False])
async def test_whoever_answers_may_go_on_without_its_client(goes_on: bool) -> None:
    def serve(exchange: Exchange) -> None:
        exchange.on_left = lambda: goes_on

    site = Site(serve)
    async with serving(site) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        await asyncio.wait_for(site.started.wait(), 10)
        writer.transport.abort()
        await asyncio.wait_for((site.gone_on if goes_on else site.cancelled).wait(), 10)
    assert (site.gone_on.is_set(), site.cancelled.is_set()) == (goes_on, not goes_on)
