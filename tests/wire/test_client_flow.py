"""Time and volume: deadlines, back-pressure, cancellation, the end of the client."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.wire.servers import Peer, Server, asking, black_hole, echo, serving, until, whole
from torouter.errors import UpstreamError
from torouter.wire.answer import HOLD_LIMIT_BYTES
from torouter.wire.client import Client
from torouter.wire.drive import Drive
from torouter.wire.upstream import Deadlines, Origin


def swift(*, connect_s: float = 5, head_s: float = 5, idle_s: float = 5) -> Deadlines:
    return Deadlines(connect_s, head_s, idle_s)


def stalling(sent: bytes) -> contextlib.AbstractContextManager[Server]:
    """Takes a request, sends these bytes, and then nothing."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(sent)
        peer.stall()

    return serving(script)


async def is_left(up: Server) -> bool:
    """Has the client dropped the connection?"""
    return await asyncio.to_thread(up.gone.acquire, timeout=5)


class TestDeadlines:
    async def test_connect(self, client: Client) -> None:
        with black_hole() as port:
            start = time.monotonic()
            with pytest.raises(UpstreamError) as caught:
                await client.send(asking(Origin("http", "127.0.0.1", port), deadlines=swift(connect_s=0.2)))
            assert 0.2 <= time.monotonic() - start < 1
        assert (caught.value.phase, caught.value.kind, caught.value.status) == ("connect", "timeout", 504)

    @pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
    async def test_head(self, client: Client, sent: bytes) -> None:
        with stalling(sent) as up:
            start = time.monotonic()
            with pytest.raises(UpstreamError, match=r"127.0.0.1: it did not answer within 0.1 s") as caught:
                await client.send(asking(up.origin, deadlines=swift(head_s=0.1)))
            assert 0.1 <= time.monotonic() - start < 1
            assert (caught.value.phase, caught.value.kind, caught.value.status) == ("head", "timeout", 504)
            assert await is_left(up)

    async def test_a_dripping_head_is_no_head(self, client: Client) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            while True:
                peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                time.sleep(0.02)

        with serving(script) as up:
            with pytest.raises(UpstreamError) as caught:
                await client.send(asking(up.origin, deadlines=swift(head_s=0.1)))
            assert (caught.value.phase, caught.value.kind) == ("head", "timeout")

    async def test_send(self, client: Client) -> None:
        def script(peer: Peer) -> None:
            peer.head()
            time.sleep(0.4)

        with serving(script) as up:
            with pytest.raises(UpstreamError, match="took no more of the request") as caught:
                await client.send(asking(up.origin, bytes(50_000_000), deadlines=swift(head_s=0.1)))
            assert (caught.value.phase, caught.value.kind) == ("send", "timeout")

    async def test_a_slow_taker_is_waited_for(self, client: Client) -> None:
        def script(peer: Peer) -> None:
            peer.head()
            for _ in range(5):
                peer.take(5_000_000)
                time.sleep(0.1)
            peer.send(whole(b"done"))
            peer.stall()

        with serving(script) as up:
            response = await client.send(asking(up.origin, bytes(25_000_000), deadlines=swift(head_s=0.4)))
            assert response.body == b"done"
            response.close()

    @pytest.mark.parametrize("phase", ["body", "stream"])
    async def test_idle(self, client: Client, phase: str) -> None:
        with stalling(whole(b"abc")[:-1]) as up:
            response = await client.send(asking(up.origin, deadlines=swift(idle_s=0.1)))
            with pytest.raises(UpstreamError, match=r"sent no more within 0.1 s") as caught:
                await (response.read(100) if phase == "body" else response.pipe(bytes))
            assert (caught.value.phase, caught.value.kind, caught.value.status) == (phase, "timeout", 504)
            assert caught.value.upstream_status == 200
            response.close()
            assert await is_left(up)

    async def test_idle_means_between_two_reads(self, client: Client) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(whole(bytes(8))[:-8])
            for _ in range(8):
                time.sleep(0.05)
                peer.send(b"x")
            peer.stall()

        with serving(script) as up:
            response = await client.send(asking(up.origin, deadlines=swift(idle_s=0.3)))
            assert await response.read(100) == b"x" * 8
            response.close()

    async def test_a_pause_of_ours_is_not_the_upstreams(self, client: Client) -> None:
        go_on = threading.Event()

        def script(peer: Peer) -> None:
            peer.request()
            peer.send(whole(b"abcdef")[:-3])
            assert go_on.wait(5)
            peer.send(b"def")
            peer.stall()

        with serving(script) as up:
            response = await client.send(asking(up.origin, deadlines=swift(idle_s=0.1)))
            response.pause()
            seen: list[bytes] = []
            task = asyncio.ensure_future(response.pipe(seen.append))
            await asyncio.sleep(0.3)
            assert not task.done()
            response.resume()
            go_on.set()
            await task
            assert b"".join(seen) == b"abcdef"
            response.close()

    async def test_a_whole_answer_may_lie_unread(self, client: Client) -> None:
        with serving(echo) as up:
            response = await client.send(asking(up.origin, b"x", deadlines=swift(head_s=0.1, idle_s=0.1)))
            await asyncio.sleep(0.3)
            assert await response.read(10) == b"x"
            response.close()
            assert client.stats.idle == 1


TOTAL_BYTES = 60_000_000
"""More than both kernels' socket buffers can hide."""


class Flood:
    """A fast upstream: as much as the client takes, up to `TOTAL_BYTES`."""

    def __init__(self) -> None:
        self.sent_bytes = 0

    def __call__(self, peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % TOTAL_BYTES)
        piece = bytes(100_000)
        while self.sent_bytes < TOTAL_BYTES:
            peer.send(piece)
            self.sent_bytes += len(piece)
        peer.stall()

    async def settled_bytes(self) -> int:
        """What has been sent once nothing more is being sent."""
        before = -1
        while self.sent_bytes != before:
            before = self.sent_bytes
            await asyncio.sleep(0.1)
        return before


class TestBackPressure:
    async def test_little_is_held_before_the_caller_reads(self, client: Client) -> None:
        flood = Flood()
        with serving(flood) as up:
            response = await client.send(asking(up.origin))
            assert await flood.settled_bytes() < TOTAL_BYTES / 2
            (connection,) = client._pool._connections
            held_bytes = sum(map(len, connection._answer._pieces))
            assert HOLD_LIMIT_BYTES < held_bytes < 3 * HOLD_LIMIT_BYTES
            assert len(await response.read(TOTAL_BYTES)) == TOTAL_BYTES
            response.close()

    async def test_pause_stops_reading_and_resume_goes_on(self, client: Client) -> None:
        flood = Flood()
        taken_bytes = 0
        is_pausing = True

        def sink(data: bytes) -> None:
            nonlocal taken_bytes
            taken_bytes += len(data)
            if is_pausing and taken_bytes > 1_000_000:
                response.pause()

        with serving(flood) as up:
            response = await client.send(asking(up.origin))
            task = asyncio.ensure_future(response.pipe(sink))
            assert await flood.settled_bytes() < TOTAL_BYTES / 2
            assert taken_bytes < 2_000_000
            response.resume()
            assert await flood.settled_bytes() < TOTAL_BYTES / 2
            assert taken_bytes < 3_000_000
            is_pausing = False
            response.resume()
            await task
            assert taken_bytes == TOTAL_BYTES
            response.close()
            assert client.stats.idle == 1

    async def test_paused_before_the_pipe(self, client: Client) -> None:
        flood = Flood()
        taken: list[int] = []
        with serving(flood) as up:
            response = await client.send(asking(up.origin))
            response.pause()
            task = asyncio.ensure_future(response.pipe(lambda data: taken.append(len(data))))
            assert await flood.settled_bytes() < TOTAL_BYTES / 2
            assert sum(taken) < 2_000_000
            response.resume()
            await task
            assert sum(taken) == TOTAL_BYTES
            response.close()


def driven(coroutine: Coroutine[Any, Any, None]) -> Drive:
    """As the server runs a request: without a task."""
    drive = Drive(coroutine)
    drive.start()
    return drive


class TestCancellation:
    async def test_of_connecting(self, client: Client) -> None:
        with black_hole() as port:
            task = asyncio.ensure_future(client.send(asking(Origin("http", "127.0.0.1", port))))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    @pytest.mark.parametrize("turns", range(14))
    @pytest.mark.parametrize("runner", [asyncio.ensure_future, driven])
    async def test_at_any_moment(self, client: Client, turns: int, runner: Callable[..., Any]) -> None:
        async def ask() -> None:
            with contextlib.suppress(asyncio.CancelledError):
                (await client.send(asking(up.origin))).close()

        with serving(echo) as up:
            running = runner(ask())
            for _ in range(turns):
                await asyncio.sleep(0)
            running.cancel()
            await asyncio.sleep(0.02)
            await until(lambda: client.stats.open == client.stats.idle)  # what came in time was given back

    async def test_of_send(self, client: Client) -> None:
        with stalling(b"") as up:
            task = asyncio.ensure_future(client.send(asking(up.origin)))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await is_left(up)
            assert client.stats.idle == 0

    @pytest.mark.parametrize("phase", ["body", "stream"])
    async def test_of_a_body(self, client: Client, phase: str) -> None:
        with stalling(whole(b"abc")[:-1]) as up:
            response = await client.send(asking(up.origin))
            task = asyncio.ensure_future(response.read(100) if phase == "body" else response.pipe(bytes))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await is_left(up)  # also without `close`
            response.close()
            assert client.stats.idle == 0

    async def test_of_a_large_request(self, client: Client) -> None:
        def script(peer: Peer) -> None:
            peer.head()
            time.sleep(0.2)
            peer.stall()

        with serving(script) as up:
            task = asyncio.ensure_future(client.send(asking(up.origin, bytes(50_000_000))))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await is_left(up)

    async def test_closing_wakes_the_pipe(self, client: Client) -> None:
        with stalling(whole(b"abc")[:-1]) as up:
            response = await client.send(asking(up.origin))
            task = asyncio.ensure_future(response.pipe(bytes))
            await asyncio.sleep(0.05)
            response.close()
            with pytest.raises(UpstreamError, match="closed on our side"):
                await task
            assert await is_left(up)


class TestClose:
    async def test_drops_everything(self) -> None:
        client = Client(proxies={})
        with serving(echo) as idle, stalling(b"") as silent, stalling(whole(b"abc")[:-1]) as halting:
            (await client.send(asking(idle.origin))).close()
            response = await client.send(asking(halting.origin))
            reading = asyncio.ensure_future(response.read(100))
            sending = asyncio.ensure_future(client.send(asking(silent.origin)))
            await asyncio.sleep(0.05)
            assert (client.stats.open, client.stats.idle) == (3, 1)
            await asyncio.gather(client.close(), client.close())
            assert (client.stats.open, client.stats.idle) == (0, 0)
            with pytest.raises(UpstreamError, match="client was closed") as caught:
                await sending
            assert caught.value.phase == "head"
            with pytest.raises(UpstreamError, match="client was closed") as caught:
                await reading
            assert caught.value.phase == "body"
            assert [await is_left(up) for up in (idle, silent, halting)] == [True, True, True]

    async def test_no_request_after_it(self) -> None:
        client = Client(proxies={})
        await client.close()
        with serving(echo) as up:
            with pytest.raises(UpstreamError, match="client was closed") as caught:
                await client.send(asking(up.origin))
            assert caught.value.phase == "connect"
            assert up.accepted == 0

    async def test_while_connecting(self) -> None:
        client = Client(proxies={})
        with serving(echo) as up:
            task = asyncio.ensure_future(client.send(asking(up.origin)))
            await asyncio.sleep(0)
            await client.close()
            with pytest.raises(UpstreamError, match="client was closed"):
                await task
            assert client.stats.idle == 0
            await client.close()
            assert client.stats.open == 0

    async def test_the_clock_stops_with_the_last_connection(self) -> None:
        client = Client(proxies={}, idle_connection_s=0.05, sweep_s=0.02)
        with serving(echo) as up:
            for _ in range(2):
                (await client.send(asking(up.origin))).close()
                assert client._pool._timer is not None
                await until(lambda: client._pool._timer is None)
                assert client.stats.open == 0
        await client.close()
