"""The upstream without sockets: bodies at once, paced pieces, pauses, closing, cancelling, faults."""

from __future__ import annotations

import asyncio
import time

import pytest

from torouter.errors import UpstreamError
from torouter.wire.memory import MemoryUpstream, Reply
from torouter.wire.upstream import Deadlines, Origin, Request, Response, Upstream

REQUEST = Request(Origin("memory", "demo", 0), b"POST", b"/x", b"POST /x HTTP/1.1\r\n", b"hello", Deadlines())
HEADERS = [(b"content-type", b"text/plain"), (b"x", b"1"), (b"x", b"2")]


async def send(*pieces: bytes, pace_s: float = 0.0, fault: UpstreamError | None = None) -> Response:
    upstream: Upstream = MemoryUpstream(lambda request: Reply(200, HEADERS, pieces, pace_s, fault))
    return await upstream.send(REQUEST)


async def test_the_handler_sees_the_request() -> None:
    upstream = MemoryUpstream(lambda request: Reply(418, [], [request.target, request.body]))
    response = await upstream.send(REQUEST)
    assert response.status == 418
    assert await response.read(100) == b"/xhello"
    await upstream.close()


async def test_headers() -> None:
    response = await send(b"")
    assert response.headers == HEADERS
    assert response.header(b"x") == b"1"
    assert response.header(b"y") == b""


async def test_a_single_piece_is_there_with_the_head() -> None:
    assert (await send(b"whole")).body == b"whole"
    assert (await send()).body == b""
    assert (await send(b"a", b"b")).body is None
    assert (await send(b"a", fault=UpstreamError("cut", phase="body"))).body is None


async def test_read_joins_and_keeps_to_its_limit() -> None:
    assert await (await send(b"ab", b"cd")).read(4) == b"abcd"
    with pytest.raises(UpstreamError) as caught:
        await (await send(b"ab", b"cd")).read(3)
    assert caught.value.phase == "body"


async def test_pieces_come_in_order_at_their_pace() -> None:
    response = await send(b"a", b"b", b"c", pace_s=0.02)
    times: list[float] = []
    got: list[bytes] = []
    begun = time.monotonic()

    def sink(piece: bytes) -> None:
        got.append(piece)
        times.append(time.monotonic() - begun)

    await response.pipe(sink)
    assert got == [b"a", b"b", b"c"]
    assert times[0] < 0.015
    assert times[1] >= 0.018
    assert times[2] >= 0.036


async def test_a_pause_holds_the_next_piece_back() -> None:
    response = await send(b"a", b"b", b"c")
    got: list[bytes] = []

    def sink(piece: bytes) -> None:
        got.append(piece)
        response.pause()

    piping = asyncio.create_task(response.pipe(sink))
    for expected in ([b"a"], [b"a", b"b"], [b"a", b"b", b"c"]):
        await asyncio.sleep(0.01)
        assert got == expected
        assert not piping.done()
        response.resume()
    await asyncio.wait_for(piping, 1)


async def test_resuming_does_not_shorten_the_pace() -> None:
    response = await send(b"a", b"b", pace_s=0.05)
    got: list[bytes] = []
    piping = asyncio.create_task(response.pipe(got.append))
    await asyncio.sleep(0.01)
    response.pause()
    response.resume()
    await asyncio.sleep(0.01)
    assert got == [b"a"]
    await piping
    assert got == [b"a", b"b"]


@pytest.mark.parametrize("is_paused", [False, True])
async def test_closing_ends_a_pipe_at_once(is_paused: bool) -> None:
    response = await send(b"a", b"b", pace_s=0.0 if is_paused else 60.0)
    got: list[bytes] = []

    def sink(piece: bytes) -> None:
        got.append(piece)
        if is_paused:
            response.pause()

    piping = asyncio.create_task(response.pipe(sink))
    await asyncio.sleep(0.01)
    response.close()
    response.close()
    with pytest.raises(UpstreamError) as caught:
        await asyncio.wait_for(piping, 1)
    assert caught.value.phase == "stream"
    assert got == [b"a"]


async def test_cancelling_ends_a_pipe_and_leaves_no_timer() -> None:
    response = await send(b"a", b"b", pace_s=60.0)
    got: list[bytes] = []
    piping = asyncio.create_task(response.pipe(got.append))
    await asyncio.sleep(0.01)
    piping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await piping
    assert got == [b"a"]
    response.resume()
    response.close()


async def test_what_the_sink_raises_is_raised() -> None:
    def sink(piece: bytes) -> None:
        raise LookupError(piece)

    with pytest.raises(LookupError):
        await (await send(b"a", b"b")).pipe(sink)


async def test_a_fault_comes_after_the_pieces() -> None:
    fault = UpstreamError("cut", phase="stream")
    response = await send(b"a", b"b", fault=fault)
    got: list[bytes] = []
    with pytest.raises(UpstreamError) as caught:
        await response.pipe(got.append)
    assert caught.value is fault
    assert got == [b"a", b"b"]


async def test_a_handler_may_refuse_the_connection() -> None:
    def refuse(request: Request) -> Reply:
        raise UpstreamError("refused", phase="connect")

    with pytest.raises(UpstreamError) as caught:
        await MemoryUpstream(refuse).send(REQUEST)
    assert caught.value.phase == "connect"
