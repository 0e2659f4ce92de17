"""The clients are tested on asyncio's own loop and on uvloop; that of upstreams leaves no connection behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.servers.redis import _one_redis, redis_server
from torouter.wire.client import Client

__all__ = ["_one_redis", "redis_server"]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.name.startswith(("test_client", "test_redis")):
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client without proxies that looks at its deadlines every 20 ms."""
    client = Client(proxies={}, sweep_s=0.02)
    yield client
    await client.close()
    assert client.stats.open == 0
    assert client.stats.idle == 0
