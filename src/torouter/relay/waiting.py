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

    __slots__ = ("_clock", "_patience", "_planner", "_sleep", "queues")

    def __init__(
        self,
        planner: Planner,
        patience: Callable[[], Patience],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.queues = Queues(planner.hand_room, planner.release_room)
        planner.on_room = self.queues.room
        self._planner = planner
        self._patience = patience
        self._clock = clock
        self._sleep = sleep

    async def next(self, passage: Passage, plan: Plan) -> Pick | None:
        """Who is to be asked now: room under a cap, and what a retry has to wait, have been waited for. `None`: nobody.
        Tell `Planner.began` before anything else is awaited."""
        pick = plan.next(self._clock())
        while True:
            pick = pick or await self._later(passage, plan)
            patience = passage.patience
            if pick is None or patience is None:
                return pick
            is_allowed = passage.drain is None and patience.may_ask(pick.candidate) and patience.may_wait(pick.wait_s)
            if is_allowed and not pick.wait_s:
                return pick
            self.queues.room(pick.candidate.channel.name)  # if it waited for its place, that is another's now
            if not is_allowed:
                return None
            await self._sleep(pick.wait_s)
            if not self._planner.is_full(pick.candidate):
                return pick
            plan.failed(pick.candidate, "again", self._clock())
            pick = plan.next(self._clock())

    async def _later(self, passage: Passage, plan: Plan) -> Pick | None:
        """Nobody is to be asked now: waits for room under a cap, or until an upstream may be asked that said when."""
        if plan.full:
            return await self._in_queue(passage, plan)
        if plan.wait_s is None or plan.wait_s > _LONGEST_TOLD_S:
            return None
        if not passage.patience_by(self._patience).may_wait(plan.wait_s):
            return None
        await self._sleep(plan.wait_s)
        return plan.next(self._clock()) or await self._in_queue(passage, plan)

    async def _in_queue(self, passage: Passage, plan: Plan) -> Pick | None:
        """As long as all who could serve are full. What a request waits is added up, however often it comes back."""
        has_waited = False
        while plan.full:
            began_s = self._clock()
            wait_s = max(channel.policy.queue_s for channel in plan.full) - passage.queued_s
            found = await self.queues.wait(plan.full, wait_s, is_first=has_waited)
            passage.queued_s += self._clock() - began_s
            if found is None:
                return None
            pick = plan.next(self._clock())
            if pick is None or pick.candidate.channel.name != found:
                self.queues.room(found)
            if pick is not None:
                return pick
            has_waited = True
        return None
