"""Processes tell each other what they notice, over a real Redis that comes and goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from tests.relay.test_openings import note
from tests.servers.redis import RedisServer, _one_redis, redis_server, running_redis
from torouter.relay.openings import Openings
from torouter.relay.sharing import Sharing
from torouter.routing.health import Note
from torouter.routing.planner import Planner

__all__ = ["_one_redis", "redis_server"]


class Process:
    def __init__(self, url: str) -> None:
        self.health = Planner(lambda: 0.5).health
        self.openings = Openings(self.health, asyncio.get_running_loop().time)
        self.sharing = Sharing(url, self.openings, poll_s=0.02)

    def notice(self, note: Note) -> None:
        assert self.health.on_note is not None
        self.health.on_note(note)

    def is_open(self, channel: str = "a") -> bool:
        return any(note.left_s for note in self.openings.of(channel))


@asynccontextmanager
async def process(url: str) -> AsyncIterator[Process]:
    it = Process(url)
    task = asyncio.create_task(it.sharing.run())
    try:
        yield it
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(is_so: Callable[[], bool], within_s: float = 8.0) -> None:
    async with asyncio.timeout(within_s):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_what_one_notices_the_other_knows(redis_server: RedisServer) -> None:
    async with process(redis_server.url) as one, process(redis_server.url) as other:
        one.notice(note(20.0))
        await until(other.is_open, 2.0)
        [held] = other.openings.of("a")
        assert 18.0 < held.left_s <= 20.0
        other.notice(note(0.0))
        await until(lambda: not one.is_open(), 2.0)


async def test_who_starts_later_knows_what_is_still_open(redis_server: RedisServer) -> None:
    async with process(redis_server.url) as one:
        one.notice(note(20.0))
        one.notice(note(0.05, channel="b"))
        one.notice(note(20.0, channel="c"))
        one.notice(note(0.0, channel="c"))
        one.notice(note(20.0, channel="e"))
        one.sharing.tell_reset("e")
        one.notice(note(20.0, "credential", channel="d", credential="x"))
        await asyncio.sleep(0.2)
        async with process(redis_server.url) as late:
            await until(lambda: late.is_open("d"), 2.0)
            assert [name for name in "abcde" if late.is_open(name)] == ["a", "d"]
            [held] = late.openings.of("a")
            assert held.left_s < 19.9


async def test_a_reset_reaches_everybody(redis_server: RedisServer) -> None:
    async with process(redis_server.url) as one, process(redis_server.url) as other:
        one.notice(note(20.0))
        one.notice(note(900.0, "credential", credential="x"))
        await until(lambda: len(other.openings.of("a")) == 2, 2.0)
        one.openings.reset("a")
        one.sharing.tell_reset("a")
        await until(lambda: not other.openings.of("a"), 2.0)


async def test_it_goes_on_without_redis_and_tells_the_rest_later(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "torouter.relay")
    with running_redis() as server:
        async with process(server.url) as one, process(server.url) as other:
            one.notice(note(60.0, channel="a"))
            await until(other.is_open)
            server.stop()
            await until(lambda: "health is not shared" in caplog.text)
            one.notice(note(60.0, channel="b"))
            one.notice(note(60.0, channel="c"))
            one.sharing.tell_reset("c")
            server.start()
            await until(lambda: other.is_open("b"))
            assert not other.is_open("c")
            await until(lambda: caplog.text.count("health is shared again") == 2)
    assert caplog.text.count("health is not shared") == 2, "each says it once"


async def test_words_of_a_newer_version_are_passed_over(redis_server: RedisServer) -> None:
    async with process(redis_server.url) as one, process(redis_server.url) as other:
        redis_server.command("XADD", "torouter:{torouter}:health", "*", "from", "x", "note", "{}")
        redis_server.command("XADD", "torouter:{torouter}:health", "*", "hello", "world")
        one.notice(note(20.0))
        await until(other.is_open, 2.0)
