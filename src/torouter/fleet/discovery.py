"""Learns the model names of channels that declare none, again and again, as long as the channels are there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from torouter.channels import Channel, read_models
from torouter.errors import TorouterError
from torouter.wire.upstream import Upstream

__all__ = ["Discovery"]

_log = logging.getLogger("torouter")

_AGAIN_S: Final = 600.0
_RETRY_S: Final = 30.0
_LIMIT_BYTES: Final = 8 * 1024 * 1024


class Discovery:
    """`learned` is told a channel and its models. Failing costs only the listing."""

    def __init__(self, upstream: Upstream, learned: Callable[[Channel, tuple[str, ...]], None]) -> None:
        self._upstream = upstream
        self._learned = learned
        self._channels: frozenset[Channel] = frozenset()
        self._tasks: dict[Channel, asyncio.Task[None]] = {}
        self._is_running = False

    def follow(self, channels: Iterable[Channel]) -> None:
        """From now on these, and no others."""
        self._channels = frozenset(channels)
        if self._is_running:
            self._adjust()

    async def run(self) -> None:
        self._is_running = True
        self._adjust()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._is_running = False
            tasks = list(self._tasks.values())
            self._tasks.clear()
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task

    def _adjust(self) -> None:
        for channel in [channel for channel in self._tasks if channel not in self._channels]:
            self._tasks.pop(channel).cancel()
        for channel in self._channels - self._tasks.keys():
            if channel.discovery() is not None:
                self._tasks[channel] = asyncio.create_task(self._keep_asking(channel))

    async def _keep_asking(self, channel: Channel) -> None:
        while (request := channel.discovery()) is not None:
            try:
                response = await self._upstream.send(request)
                try:
                    names = tuple(read_models(await response.read(_LIMIT_BYTES)))
                finally:
                    response.close()
            except TorouterError as error:
                _log.info("models not discovered channel=%s error=%s", channel.name, error.message)
                await asyncio.sleep(_RETRY_S)
            else:
                _log.info("models discovered channel=%s count=%d", channel.name, len(names))
                self._learned(channel, names)
                await asyncio.sleep(_AGAIN_S)
