"""Runs the coroutine of one request without an `asyncio.Task`.

A task costs its creation, its registration and a turn of the loop before its first step: with one, the line without
sockets takes about a half more (`python -m bench.line --without drive`). A `Drive` takes the first step at once and the
others when the awaited future is done; many requests, such as refusals, never wait at all. What needs a task around it
(`asyncio.timeout`, the pages) makes one: a `Drive` is no current task.

What a `Drive` waits for most is a `Moment`, for which it goes on within the call that announces it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["Drive", "Moment"]


class Drive:
    """Like a task that nobody awaits: `on_end` is told how it ended, with an exception or without (without an `on_end`
    the coroutine must answer for its own). `start` takes the first step; `cancel` may be called at any time, and after
    the end is nothing."""

    __slots__ = ("_coroutine", "_on_end", "_waits_for")

    def __init__(
        self, coroutine: Coroutine[Any, Any, None], on_end: Callable[[BaseException | None], None] | None = None
    ) -> None:
        self._coroutine = coroutine
        self._on_end = on_end
        self._waits_for: asyncio.Future[Any] | None = None

    def start(self) -> None:
        self._step(None)

    def wake(self, future: asyncio.Future[Any]) -> None:
        if future is self._waits_for:  # else: cancelled, when this call stood in the loop's queue already
            self._step(None)

    def cancel(self, msg: object = None) -> None:
        """Raises `CancelledError` inside, in the loop's next turn; `msg` is a task's, and means nothing here."""
        asyncio.get_running_loop().call_soon(self._cancel)

    def _cancel(self) -> None:
        waits_for = self._waits_for
        if waits_for is not None:
            waits_for.remove_done_callback(self.wake)
            if isinstance(waits_for, asyncio.Task):
                waits_for.cancel()
            self._step(asyncio.CancelledError())

    def _step(self, error: BaseException | None) -> None:
        self._waits_for = None
        try:
            waits_for = self._coroutine.send(None) if error is None else self._coroutine.throw(error)
        except StopIteration:
            if self._on_end is not None:
                self._on_end(None)
            return
        except (asyncio.CancelledError, Exception) as failure:
            if self._on_end is None:
                raise
            self._on_end(failure)
            return
        if type(waits_for) is Moment:
            self._waits_for = waits_for
            waits_for.drive = self
            return
        if waits_for is None:  # a bare yield, as of `asyncio.sleep(0)`
            loop = asyncio.get_running_loop()
            waits_for = loop.create_future()
            loop.call_soon(waits_for.set_result, None)
        else:
            waits_for._asyncio_future_blocking = False
        self._waits_for = waits_for
        waits_for.add_done_callback(self.wake)


class Moment(asyncio.Future[None]):
    """A future of something that comes once. Whoever awaits it may be a task; a `Drive` goes on at once."""

    drive: Drive | None = None

    def come(self) -> None:
        """Not to be called from within what waits for it: a coroutine cannot be stepped into twice."""
        if not self.done():
            self.set_result(None)
            if self.drive is not None:
                self.drive.wake(self)

    def come_soon(self) -> None:
        """Whoever waits goes on in the loop's next turn, so it may be called from anywhere."""
        if self.drive is not None:
            self.get_loop().call_soon(self.come)
        elif not self.done():
            self.set_result(None)
