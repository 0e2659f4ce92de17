"""Waiting for room under a channel's cap on concurrency: first come, first served, for a bounded time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from torouter.channels import Channel

__all__ = ["Queues"]

_FEWEST: Final = 64
_BY_CAP: Final = 8


class Queues:
    """One for each channel that somebody waits for. A queue holds 8 requests for each that may be under way, and 64 at
    least: whoever comes then would wait in vain."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[bool]]] = {}

    def __len__(self) -> int:
        """How many places are taken in all queues."""
        return sum(map(len, self._waiting.values()))

    def waiting(self, channel: str) -> int:
        return len(self._waiting.get(channel, ()))

    def room(self, channel: str) -> None:
        """There is room for one more request: the first that waits for it is woken."""
        for waiter in self._waiting.get(channel, ()):
            if not waiter.done():
                waiter.set_result(True)
                return

    async def wait(self, channels: Sequence[Channel], wait_s: float, *, is_first: bool) -> bool:
        """Until one of them has room: false if there was none in time, or there are too many that wait. `is_first`: it
        was its turn already, and somebody was faster."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        entered = [channel.name for channel in channels if self._enter(channel, waiter, is_first=is_first)]
        if not entered or wait_s <= 0.0:
            self._leave(entered, waiter)
            return False
        timer = loop.call_later(wait_s, _give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            self._leave(entered, waiter)
            if waiter.done() and not waiter.cancelled() and waiter.result():  # it was woken: the next has its turn
                for name in entered:
                    self.room(name)
            entered = []
            raise
        finally:
            timer.cancel()
            self._leave(entered, waiter)

    def _enter(self, channel: Channel, waiter: asyncio.Future[bool], *, is_first: bool) -> bool:
        queue = self._waiting.setdefault(channel.name, deque())
        if len(queue) >= max(_FEWEST, _BY_CAP * channel.policy.concurrency):
            return False
        if is_first:
            queue.appendleft(waiter)
        else:
            queue.append(waiter)
        return True

    def _leave(self, names: Sequence[str], waiter: asyncio.Future[bool]) -> None:
        for name in names:
            queue = self._waiting[name]
            queue.remove(waiter)
            if not queue:
                del self._waiting[name]


def _give_up(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)
