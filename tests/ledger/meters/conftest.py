"""Every example of what meters do is tried on both kinds, with a clock that stands still until it is moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.ledger.meters.kept import Kept
from tests.servers.redis import RedisServer, _one_redis, redis_server
from torouter.ledger.meters import LocalMeters, Meters, SharedMeters

__all__ = ["_one_redis", "redis_server"]


@dataclass
class Clock:
    now_ms: int = 1_764_460_800_250

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture(params=["local", "shared"])
async def meters(request: pytest.FixtureRequest, clock: Clock, kept: Kept) -> AsyncIterator[Meters]:
    if request.param == "local":
        yield LocalMeters(read_spent=kept.read_spent, read_minutes=kept.read_minutes, now_ms=clock)
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    shared = SharedMeters(server.url, read_spent=kept.read_spent, read_minutes=kept.read_minutes, fixed_ms=clock)
    await shared.open()
    yield shared
    await shared.close()
