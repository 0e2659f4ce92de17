"""Waiting for room under a channel's cap on concurrency: first come, first served, for a bounded time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from torouter.channels import Channel

__all__ = ["Queues"]

_Place = tuple[Channel, "asyncio.Future[str | None]"]

_FEWEST: Final = 64
_BY_CAP: Final = 8


class Queues:
    """One for each channel that somebody waits for. A queue holds 8 requests for each that may be under way, and 64 at
    least: whoever comes then would wait in vain. `hand` keeps a place at a channel, if it has one, until `release`: who
    has come since does not get what somebody has waited for, who is woken and has not run yet."""

    __slots__ = ("_hand", "_release", "_waiting")

    def __init__(self, hand: Callable[[Channel], bool], release: Callable[[str], None]) -> None:
        self._hand = hand
        self._release = release
        self._waiting: dict[str, deque[_Place]] = {}

    def __len__(self) -> int:
        """How many places are taken in all queues."""
        return sum(map(len, self._waiting.values()))

    def waiting(self, channel: str) -> int:
        return len(self._waiting.get(channel, ()))

    def room(self, channel: str) -> None:
        """There may be room for more requests: as far as it goes, those are woken that have waited longest."""
        for place, waiter in self._waiting.get(channel, ()):
            if not waiter.done():
                if not self._hand(place):
                    return
                waiter.set_result(channel)

    async def wait(self, channels: Sequence[Channel], wait_s: float, *, is_first: bool) -> str | None:
        """Until one of them has room, whose name it gives: the place is to be taken before anything is awaited, or
        `room` to be told that it is left. `None` if there was none in time, or there are too many that wait.
        `is_first`: it was its turn already, and it could not use its place."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[str | None] = loop.create_future()
        entered = [channel for channel in channels if self._enter(channel, waiter, is_first=is_first)]
        if not entered or wait_s <= 0.0:
            self._leave(entered, waiter)
            return None
        timer = loop.call_later(wait_s, _give_up, waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            self._leave(entered, waiter)
            if (name := self._released(waiter)) is not None:
                self.room(name)  # it was woken: the next has its turn
            raise
        finally:
            timer.cancel()
        self._leave(entered, waiter)
        return self._released(waiter)

    def _released(self, waiter: asyncio.Future[str | None]) -> str | None:
        name = waiter.result() if waiter.done() and not waiter.cancelled() else None
        if name is not None:
            self._release(name)
        return name

    def _enter(self, channel: Channel, waiter: asyncio.Future[str | None], *, is_first: bool) -> bool:
        queue = self._waiting.setdefault(channel.name, deque())
        if len(queue) >= max(_FEWEST, _BY_CAP * channel.policy.concurrency):
            return False
        if is_first:
            queue.appendleft((channel, waiter))
        else:
            queue.append((channel, waiter))
        return True

    def _leave(self, channels: Sequence[Channel], waiter: asyncio.Future[str | None]) -> None:
        for channel in channels:
            name, queue = channel.name, self._waiting[channel.name]
            queue.remove((channel, waiter))
            if not queue:
                del self._waiting[name]


def _give_up(waiter: asyncio.Future[str | None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
