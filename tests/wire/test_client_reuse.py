"""Connections that serve again, and those that must not: no answer may reach another request's caller."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time

import pytest

from tests.wire.servers import Peer, asking, echo, repeating, serving, until, whole
from torouter.errors import UpstreamError
from torouter.wire.client import Client
from torouter.wire.upstream import Deadlines, Origin


async def asked(client: Client, origin: Origin, body: bytes) -> bytes:
    response = await client.send(asking(origin, body))
    try:
        return await response.read(100_000)
    finally:
        response.close()


async def until_idle(client: Client, count: int) -> None:
    await until(lambda: client.stats.idle == count)


async def until_open(client: Client, count: int) -> None:
    await until(lambda: client.stats.open == count)


class TestReuse:
    async def test_one_connection_serves_many(self, client: Client) -> None:
        with serving(echo) as up:
            for number in range(20):
                assert await asked(client, up.origin, b"%d" % number) == b"%d" % number
            assert up.accepted == 1

    async def test_origins_do_not_share(self, client: Client) -> None:
        with serving(echo) as one, serving(echo) as two:
            for _ in range(2):
                assert await asked(client, one.origin, b"one") == b"one"
                assert await asked(client, two.origin, b"two") == b"two"
            assert (one.accepted, two.accepted) == (1, 1)

    async def test_last_in_first_out(self, client: Client) -> None:
        def script(peer: Peer) -> None:
            while True:
                peer.request()
                peer.send(whole(b"%d" % peer.sock.getpeername()[1]))

        with serving(script) as up:
            responses = [await client.send(asking(up.origin)) for _ in range(3)]
            ports = [response.body for response in responses]
            assert len(set(ports)) == 3
            for response in responses:
                response.close()
            assert [await asked(client, up.origin, b"") for _ in range(3)] == [ports[2]] * 3

    async def test_idle_ones_are_bounded(self) -> None:
        client = Client(proxies={}, max_idle_per_origin=2)
        with serving(echo) as up:
            responses = [await client.send(asking(up.origin)) for _ in range(4)]
            for response in responses:
                response.close()
            assert client.stats.idle == 2
            await until_open(client, 2)
            await client.close()
        assert client.stats.open == 0

    async def test_idle_ones_grow_old(self) -> None:
        client = Client(proxies={}, idle_connection_s=0.2, sweep_s=0.05)
        with serving(echo) as up:
            await asked(client, up.origin, b"x")
            assert client.stats.idle == 1
            await asyncio.sleep(0.1)
            assert client.stats.idle == 1
            await until_idle(client, 0)
            await until_open(client, 0)
            assert await asyncio.to_thread(up.gone.acquire, timeout=5)
            assert await asked(client, up.origin, b"y") == b"y"
            assert up.accepted == 2
        await client.close()

    @pytest.mark.parametrize("how", ["close", "reset", "finish"])
    async def test_closed_by_the_upstream_while_idle(self, client: Client, how: str) -> None:
        def once(peer: Peer) -> None:
            peer.send(whole(peer.request().body))
            getattr(peer, how)()
            if how == "finish":
                peer.stall()

        with serving(once, echo) as up:
            await asked(client, up.origin, b"x")
            await until_idle(client, 0)
            await until_open(client, 0)
            assert await asked(client, up.origin, b"y") == b"y"
            assert up.accepted == 2

    @pytest.mark.parametrize("bytes_behind", [b"\r\n", b"x", whole(b"nobody asked")])
    async def test_bytes_on_an_idle_connection(self, client: Client, bytes_behind: bytes) -> None:
        go_on = threading.Event()

        def once(peer: Peer) -> None:
            peer.send(whole(peer.request().body))
            assert go_on.wait(5)
            peer.send(bytes_behind)
            peer.stall()

        with serving(once, echo) as up:
            await asked(client, up.origin, b"x")
            assert client.stats.idle == 1
            go_on.set()
            await until_idle(client, 0)
            assert await asked(client, up.origin, b"y") == b"y"
            assert up.accepted == 2

    @pytest.mark.parametrize("surplus", [b"x", b"H", whole(b"a second answer"), b"\x00" * 100])
    @pytest.mark.parametrize("fields", [b"", b"connection: close\r\n"])
    async def test_more_than_one_answer_at_once(self, client: Client, surplus: bytes, fields: bytes) -> None:
        def once(peer: Peer) -> None:
            peer.send(whole(peer.request().body, fields=fields) + surplus)
            peer.stall()

        with serving(once, echo) as up:
            assert await asked(client, up.origin, b"first") == b"first"
            assert client.stats.idle == 0
            assert await asked(client, up.origin, b"second") == b"second"
            assert up.accepted == 2

    async def test_surplus_after_the_end_of_chunks(self, client: Client) -> None:
        chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"

        def once(peer: Peer) -> None:
            peer.request()
            peer.send(chunked + chunked)
            peer.stall()

        with serving(once, echo) as up:
            seen: list[bytes] = []
            response = await client.send(asking(up.origin))
            await response.pipe(seen.append)
            response.close()
            assert seen == [b"abc"]
            assert client.stats.idle == 0

    async def test_body_behind_the_answer_to_head(self, client: Client) -> None:
        with serving(repeating(whole(b"a body that HEAD must not have"))) as up:
            for _ in range(2):
                response = await client.send(asking(up.origin, method=b"HEAD"))
                assert response.body == b""
                response.close()
                await until_idle(client, 0)
            assert up.accepted == 2

    async def test_surplus_between_answer_and_close(self, client: Client) -> None:
        go_on = threading.Event()

        def once(peer: Peer) -> None:
            peer.send(whole(peer.request().body))
            assert go_on.wait(5)
            peer.send(whole(b"nobody asked"))
            peer.stall()

        with serving(once, echo) as up:
            response = await client.send(asking(up.origin, b"first"))
            assert response.body == b"first"
            go_on.set()
            await until_open(client, 0)
            response.close()
            assert client.stats.idle == 0
            assert await asked(client, up.origin, b"second") == b"second"

    async def test_closed_before_it_was_read_whole(self, client: Client) -> None:
        def once(peer: Peer) -> None:
            peer.request()
            peer.send(whole(b"abc")[:-1])
            peer.stall()

        with serving(once, echo) as up:
            response = await client.send(asking(up.origin))
            response.close()
            assert client.stats.idle == 0
            assert await asyncio.to_thread(up.gone.acquire, timeout=5)
            assert await asked(client, up.origin, b"y") == b"y"

    async def test_a_paused_connection_does_not_serve_again(self, client: Client) -> None:
        with serving(echo) as up:
            response = await client.send(asking(up.origin, b"x"))
            response.pause()
            response.close()
            assert client.stats.idle == 0
            assert await asked(client, up.origin, b"y") == b"y"

    async def test_late_calls_do_not_reach_the_next_request(self, client: Client) -> None:
        with serving(echo) as up:
            first = await client.send(asking(up.origin, b"first"))
            first.close()
            second = asyncio.ensure_future(client.send(asking(up.origin, b"second")))
            await asyncio.sleep(0)
            first.pause()
            first.close()
            first.resume()
            response = await second
            assert response.body == b"second"
            response.close()
            assert client.stats.idle == 1
            assert up.accepted == 1


class TestStale:
    @pytest.mark.parametrize("how", ["close", "reset"])
    async def test_asked_once_more_on_a_fresh_connection(self, client: Client, how: str) -> None:
        asked_of_first: list[bytes] = []

        def first(peer: Peer) -> None:
            peer.send(whole(peer.request().body))
            asked_of_first.append(peer.request().body)
            getattr(peer, how)()

        with serving(first, echo) as up:
            assert await asked(client, up.origin, b"x") == b"x"
            assert await asked(client, up.origin, b"y") == b"y"
            assert asked_of_first == [b"y"]
            assert up.accepted == 2

    async def test_only_once(self, client: Client) -> None:
        def first(peer: Peer) -> None:
            peer.send(whole(peer.request().body))
            peer.request()

        def unwilling(peer: Peer) -> None:
            peer.request()

        with serving(first, unwilling) as up:
            await asked(client, up.origin, b"x")
            with pytest.raises(UpstreamError) as caught:
                await asked(client, up.origin, b"y")
            assert caught.value.phase == "head"
            assert up.accepted == 2

    async def test_fresh_one_is_tried_even_if_others_are_idle(self, client: Client) -> None:
        barrier = threading.Barrier(2)

        def dying(peer: Peer) -> None:
            barrier.wait(5)
            peer.send(whole(peer.request().body))
            peer.request()

        with serving(dying, dying, echo) as up:
            await asyncio.gather(asked(client, up.origin, b"1"), asked(client, up.origin, b"2"))
            assert client.stats.idle == 2
            assert await asked(client, up.origin, b"y") == b"y"
            assert up.accepted == 3

    @pytest.mark.parametrize("sent", [b"H", b"\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"rubbish"])
    async def test_not_after_a_byte_of_the_answer(self, client: Client, sent: bytes) -> None:
        def first(peer: Peer) -> None:
            peer.send(whole(peer.request().body))
            peer.request()
            peer.send(sent)

        with serving(first, echo) as up:
            await asked(client, up.origin, b"x")
            with pytest.raises(UpstreamError) as caught:
                await asked(client, up.origin, b"y")
            assert caught.value.phase == "head"
            assert up.accepted == 1

    async def test_not_after_a_deadline(self, client: Client) -> None:
        def first(peer: Peer) -> None:
            peer.send(whole(peer.request().body))
            peer.stall()

        with serving(first, echo) as up:
            await asked(client, up.origin, b"x")
            with pytest.raises(UpstreamError) as caught:
                await client.send(asking(up.origin, deadlines=Deadlines(1, 0.1, 1)))
            assert caught.value.kind == "timeout"
            assert up.accepted == 1

    async def test_the_fresh_one_may_be_refused(self, client: Client) -> None:
        with serving(echo) as up:
            assert await asked(client, up.origin, b"x") == b"x"
        with pytest.raises(UpstreamError) as caught:
            await asked(client, up.origin, b"y")
        assert caught.value.phase == "connect"


class TestNoMixing:
    async def test_answers_find_their_callers_through_faults_and_cancellations(self, client: Client) -> None:
        dice = random.Random(7)

        def moody(peer: Peer) -> None:
            while True:
                body = peer.request().body
                mood = dice.random()
                if mood < 0.1:
                    return peer.reset()
                if mood < 0.2:
                    return peer.send(whole(body)[:-3])
                if mood < 0.3:
                    return peer.send(whole(body) + whole(b"forged"))
                if mood < 0.4:
                    peer.drip(whole(body))
                elif mood < 0.5:
                    time.sleep(0.005)
                    peer.send(whole(body))
                else:
                    peer.send(whole(body))

        right = 0

        async def caller(name: int) -> None:
            nonlocal right
            for number in range(40):
                body = b"caller %d, request %d" % (name, number)
                try:
                    async with asyncio.timeout(0.004 if number % 5 == 0 else 5):
                        answer = await asked(client, up.origin, body)
                except (UpstreamError, TimeoutError):
                    continue
                assert answer == body
                right += 1

        with serving(moody) as up:
            await asyncio.gather(*(caller(name) for name in range(8)))
            assert right > 100


class TestDelay:
    async def test_no_40_ms_of_nagle_and_delayed_ack(self, client: Client) -> None:
        def two_writes(peer: Peer) -> None:
            peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as every provider's server does
            while True:
                body = peer.request().body
                answer = whole(body)
                peer.send(answer[: -len(body)])
                peer.send(body)

        with serving(two_writes) as up:
            start = time.monotonic()
            for size in (10, 70_000) * 25:  # in one write, and in two
                assert len(await asked(client, up.origin, bytes(size))) == size
            assert time.monotonic() - start < 1.0  # 50 delays would be two seconds
            assert up.accepted == 1

    async def test_sockets_do_not_wait_to_fill_segments(self, client: Client) -> None:
        with serving(echo) as up:
            await asked(client, up.origin, b"x")
            (connection,) = client._pool._connections
            sock = connection._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
