"""What a process does about the health of its upstreams beside serving: it tells the others, probes, and lets an
operator end what is held against a channel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from torouter.channels import Channel
from torouter.errors import StoreError
from torouter.relay.openings import Openings
from torouter.relay.probing import Probing
from torouter.relay.sharing import Sharing
from torouter.routing.planner import Planner
from torouter.wire.upstream import Upstream

__all__ = ["Watch"]

_log = logging.getLogger("torouter.relay")

_COUNT_S: Final = 5.0


class Watch:
    """One per process; made on its event loop, in which `run` has to run. `channels` gives the newest;
    `count_processes` blocks, and says how many serve; `redis_url` `None`: this process serves alone."""

    def __init__(
        self,
        planner: Planner,
        channels: Callable[[], Sequence[Channel]],
        upstreams: Mapping[str, Upstream],
        count_processes: Callable[[], int],
        redis_url: str | None,
    ) -> None:
        clock = asyncio.get_running_loop().time
        self.openings = Openings(planner.health, clock)
        self._planner = planner
        self._count_processes = count_processes
        self._probing = Probing(channels, self.openings, upstreams, clock)
        self._sharing = None if redis_url is None else Sharing(redis_url, self.openings)

    def reset(self, channel: str) -> None:
        """Nothing is held against it any more, in any process."""
        self.openings.reset(channel)
        if self._sharing is not None:
            self._sharing.tell_reset(channel)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._probing.run())
            group.create_task(self._follow_processes())
            if self._sharing is not None:
                group.create_task(self._sharing.run())

    async def _follow_processes(self) -> None:
        while True:
            try:
                self._planner.processes = max(1, await asyncio.to_thread(self._count_processes))
            except StoreError as error:
                _log.debug("processes not counted error=%s", error.message)  # who follows the store says so
            await asyncio.sleep(_COUNT_S)
