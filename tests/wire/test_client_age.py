"""Deadlines that count from the request: an answer's first token, and its end."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from tests.wire.servers import Peer, asking, serving, whole
from torouter.errors import UpstreamError
from torouter.wire.client import Client
from torouter.wire.memory import MemoryUpstream, Reply
from torouter.wire.upstream import Deadlines, Origin, Request


def dripping(peer: Peer) -> None:
    """A body that never falls silent and never ends, until nobody listens."""
    peer.request()
    peer.send(whole(bytes(10_000))[:-10_000])
    while True:
        time.sleep(0.02)
        peer.send(b"x")


def deadlines(**limits: float) -> Deadlines:
    return Deadlines(**{"connect_s": 5, "head_s": 5, "idle_s": 5, **limits})


class TestFirstToken:
    async def test_before_the_head(self, client: Client) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.stall()

        with serving(script) as up, pytest.raises(UpstreamError, match="did not begin") as caught:
            await client.send(asking(up.origin, deadlines=deadlines(first_token_s=0.1)))
        assert (caught.value.code, caught.value.kind, caught.value.phase) == (
            "upstream_first_token_timeout", "timeout", "head",
        )  # fmt: skip

    async def test_bytes_are_no_token(self, client: Client) -> None:
        with serving(dripping) as up:
            response = await client.send(asking(up.origin, deadlines=deadlines(first_token_s=0.2)))
            with pytest.raises(UpstreamError) as caught:
                await response.pipe(lambda data: None)
            response.close()
        assert (caught.value.code, caught.value.phase) == ("upstream_first_token_timeout", "stream")

    async def test_what_has_begun_may_go_on(self, client: Client) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(whole(bytes(5))[:-5])
            for _ in range(5):
                time.sleep(0.08)
                peer.send(b"x")
            peer.stall()

        with serving(script) as up:
            response = await client.send(asking(up.origin, deadlines=deadlines(first_token_s=0.15)))
            await response.pipe(lambda data: response.begun())
            response.close()


class TestTotal:
    async def test_an_answer_that_never_ends(self, client: Client) -> None:
        with serving(dripping) as up:
            response = await client.send(asking(up.origin, deadlines=deadlines(total_s=0.2)))
            response.begun()
            with pytest.raises(UpstreamError, match="did not end") as caught:
                await response.pipe(lambda data: None)
            response.close()
        assert (caught.value.code, caught.value.kind) == ("upstream_total_timeout", "timeout")

    async def test_also_while_a_client_is_waited_for(self, client: Client) -> None:
        """And then silence is our own: `idle_s` has long passed."""
        with serving(dripping) as up:
            response = await client.send(asking(up.origin, deadlines=deadlines(total_s=0.4, idle_s=0.1)))
            with pytest.raises(UpstreamError) as caught:
                await response.pipe(lambda data: response.pause())
            response.close()
        assert caught.value.code == "upstream_total_timeout"

    async def test_a_whole_answer_does_not_grow_older(self, client: Client) -> None:
        go_on = threading.Event()

        def script(peer: Peer) -> None:
            peer.request()
            peer.send(whole(b"done"))
            go_on.wait(5)

        with serving(script) as up:
            response = await client.send(asking(up.origin, deadlines=deadlines(total_s=0.1, first_token_s=0.1)))
            await asyncio.sleep(0.3)
            assert await response.read(10) == b"done"
            response.close()
            go_on.set()


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"idle_s": 0.05}, "upstream_idle_timeout"),
        ({"first_token_s": 0.05}, "upstream_first_token_timeout"),
        ({"total_s": 0.05}, "upstream_total_timeout"),
    ],
)
async def test_in_memory(limits: dict[str, float], code: str) -> None:
    request = Request(Origin("memory", "demo", 0), b"POST", b"/", b"", b"", deadlines(**limits))
    response = await MemoryUpstream(lambda _: Reply(200, [], [b"a", b"b"], pace_s=2)).send(request)
    with pytest.raises(UpstreamError) as caught:
        await response.pipe(lambda data: None)
    assert (caught.value.code, caught.value.kind) == (code, "timeout")


def test_of_an_answer_that_comes_at_once_the_head_is_the_first_token() -> None:
    assert deadlines(first_token_s=3).of_whole == deadlines()
    assert deadlines().of_whole == deadlines()
