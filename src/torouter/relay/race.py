"""Hedging: where a model is slower than it nearly always is, a second candidate is asked, and the first of the two that
has something to say is the answer. The other is cancelled, and what it has cost is written down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from torouter.errors import RequestError, UpstreamError
from torouter.relay.passage import Passage
from torouter.relay.trial import Trial

__all__ = ["Race"]


class _Lost(Exception):
    """The other one was faster."""


class Race:
    """Of one request. `ask` asks a trial's candidate, which has begun for the planner. `lose` writes down one that was
    asked in vain, `fail` one that has failed while the other goes on; `end` is told of each in the end."""

    def __init__(
        self,
        passage: Passage,
        ask: Callable[[Trial], Awaitable[None]],
        lose: Callable[[Trial], None],
        fail: Callable[[Trial, UpstreamError | RequestError], None],
        end: Callable[[Trial], None],
    ) -> None:
        self._passage = passage
        self._ask = ask
        self._lose = lose
        self._fail = fail
        self._end = end
        self._tasks: dict[asyncio.Task[None], Trial] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._winner: Trial | None = None
        self._claimed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, slow_s: float, rival: Callable[[], Trial | None]) -> None:
        """The passage's own candidate is the first; `rival` gives the second when `slow_s` have passed. Raises what the
        last of them raises, which is the passage's trial then."""
        try:
            self._start(self._passage)
            await self._news(slow_s)
            if self._winner is None and self._is_first_running() and (second := rival()) is not None:
                self._start(second)
            await self._to_the_end()
        finally:
            self._passage.claim = None
            await self._stop()

    def _is_first_running(self) -> bool:
        return not any(task.done() for task in self._running)

    def _start(self, trial: Trial) -> None:
        trial.claim = partial(self._claim, trial)
        task = asyncio.get_running_loop().create_task(_asked(self._ask, trial))
        self._tasks[task] = trial
        self._running.add(task)

    def _claim(self, trial: Trial) -> None:
        if self._winner is not None:
            raise _Lost
        self._winner = trial
        self._claimed.set_result(None)
        for task, other in self._tasks.items():
            if other is not trial and not task.done():
                task.cancel()
                self._lose(other)
        self._adopt(trial)
        response, exchange = trial.response, self._passage.exchange
        assert response is not None, "it has something to say"
        exchange.on_pause, exchange.on_resume = response.pause, response.resume

    def _adopt(self, trial: Trial) -> None:
        passage = self._passage
        if trial is not passage:
            passage.close_response()
            passage.candidate, passage.picked, passage.asked_s = trial.candidate, trial.picked, trial.asked_s
            passage.delivery, passage.response = trial.delivery, trial.response
            passage.number = trial.number

    async def _to_the_end(self) -> None:
        while True:
            await self._news(None)
            for task in [task for task in self._running if task.done()]:
                self._running.discard(task)
                trial = self._tasks[task]
                if trial is self._winner:
                    task.result()
                    return
                if self._winner is None and self._is_over(task, trial):
                    return

    def _is_over(self, task: asyncio.Task[None], trial: Trial) -> bool:
        """One has ended before anybody had something to say: it has failed, or has answered without an upstream."""
        error = task.exception()
        if error is None:
            return True
        if not self._running or not isinstance(error, (UpstreamError, RequestError)):
            self._adopt(trial)
            raise error
        self._fail(trial, error)
        return False

    async def _news(self, wait_s: float | None) -> None:
        """Until one has ended, or claims; or for so long."""
        claimed = () if self._claimed.done() else (self._claimed,)
        await asyncio.wait({*self._running, *claimed}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)

    async def _stop(self) -> None:
        """Nobody is left behind: neither a task nor a connection, nor an attempt that is not on the books."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for trial in self._tasks.values():
            self._end(trial)  # a task that was cancelled before its first step has not done so
            if trial is not self._passage:
                if trial.asked_s is not None and self._winner is None:
                    self._lose(trial)
                trial.close_response()


async def _asked(ask: Callable[[Trial], Awaitable[None]], trial: Trial) -> None:
    """A task that is cancelled before its first step asks nobody."""
    await ask(trial)
