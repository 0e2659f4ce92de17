"""A site behind the real server adapter, on a free port, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from torouter.units import RequestIds
from torouter.wire.server import Connection, Site, sweep_connections

__all__ = ["serving"]


@asynccontextmanager
async def serving(site: Site) -> AsyncIterator[int]:
    async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        assert scope["type"] == "lifespan"
        await receive()
        scope["state"].update(site=site, request_ids=RequestIds())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    config = uvicorn.Config(app, http=Connection, ws="none", port=0, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    sweeping = asyncio.create_task(sweep_connections(site.connections))
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        sweeping.cancel()
        server.should_exit = True
        await running
