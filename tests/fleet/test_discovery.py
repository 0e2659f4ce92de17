"""Which channels are asked for their models, from when, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from torouter.channels import KINDS, Channel
from torouter.errors import UpstreamError
from torouter.fleet import Discovery
from torouter.wire.memory import MemoryUpstream, Reply
from torouter.wire.upstream import Request

LISTED = b'{"data": [{"id": "a"}, {"id": "b"}]}'


def channel(name: str, **changes: Any) -> Channel:
    return Channel(name=name, kind=KINDS["vllm"], base_url=f"http://{name}.example/v1", **changes)


class Discovered:
    """A discovery over an upstream that lists two models; what it asked, and what it learned."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.learned: list[tuple[str, tuple[str, ...]]] = []
        self.discovery = Discovery(MemoryUpstream(self._answer), lambda channel, names: self._learn(channel, names))

    def _learn(self, channel: Channel, names: tuple[str, ...]) -> None:
        self.learned.append((channel.name, names))

    def _answer(self, request: Request) -> Reply:
        self.asked.append(request.origin.host)
        if request.origin.host == "away.example":
            raise UpstreamError("away", phase="connect")
        return Reply(200, (), [LISTED])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.discovery.run())
        await self.settle()
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    def waiting(self) -> int:
        """Tasks that ask again later."""
        return len(asyncio.all_tasks()) - 2  # but for the test's and the discovery's own


async def test_channels_without_declared_models_are_asked() -> None:
    it = Discovered()
    it.discovery.follow([channel("one"), channel("told", models={"x": "x"}), channel("away")])
    await it.settle()
    assert it.asked == [], "not before it runs"
    async with it.running():
        assert sorted(it.asked) == ["away.example", "one.example"]
        assert it.learned == [("one", ("a", "b"))]
        assert it.waiting() == 2
    assert len(asyncio.all_tasks()) == 1


async def test_it_follows_what_comes_and_goes() -> None:
    it = Discovered()
    one, two = channel("one"), channel("two")
    it.discovery.follow([one])
    async with it.running():
        it.discovery.follow([one, two])
        await it.settle()
        assert it.asked == ["one.example", "two.example"], "the one that stays is not asked again"
        it.discovery.follow([two])
        await it.settle()
        assert it.waiting() == 1
        it.discovery.follow([channel("one"), two])
        await it.settle()
        assert it.asked == ["one.example", "two.example", "one.example"], "another channel of that name"
