"""When nobody can be asked at once: how long a request waits, and for what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from torouter.relay.passage import Passage
from torouter.relay.patience import Patience
from torouter.relay.queueing import Queues
from torouter.routing.planner import Pick, Plan, Planner

__all__ = ["Waiting"]

_LONGEST_TOLD_S: Final = 5.0


class Waiting:
    """One per process. `patience` makes that of a request."""

    __slots__ = ("_clock", "_patience", "_sleep", "queues")

    def __init__(
        self,
        planner: Planner,
        patience: Callable[[], Patience],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.queues = Queues()
        planner.on_room = self.queues.room
        self._patience = patience
        self._clock = clock
        self._sleep = sleep

    async def later(self, passage: Passage, plan: Plan) -> Pick | None:
        """Nobody is to be asked now: waits for room under a cap, or until an upstream may be asked that said when."""
        if plan.full:
            return await self._in_queue(plan)
        if plan.wait_s is None or plan.wait_s > _LONGEST_TOLD_S:
            return None
        if not passage.patience_by(self._patience).may_wait(plan.wait_s):
            return None
        await self._sleep(plan.wait_s)
        return plan.next(self._clock())

    async def may_go_on(self, passage: Passage, patience: Patience, pick: Pick) -> bool:
        """After a failure: may this one be asked? Then what is to be waited for has been."""
        if passage.drain is not None or not patience.may_ask(pick.candidate):
            return False
        if pick.wait_s:
            if not patience.may_wait(pick.wait_s):
                return False
            await self._sleep(pick.wait_s)
        return True

    async def _in_queue(self, plan: Plan) -> Pick | None:
        until_s = self._clock() + max(channel.policy.queue_s for channel in plan.full)
        has_waited = False
        while plan.full and await self.queues.wait(plan.full, until_s - self._clock(), is_first=has_waited):
            pick = plan.next(self._clock())
            if pick is not None:
                return pick
            has_waited = True
        return None
