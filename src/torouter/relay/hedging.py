"""A second attempt beside a slow one, where the channel's policy allows it: who it is, and what is written down."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torouter.errors import RequestError, UpstreamError
from torouter.relay.aftermath import Aftermath
from torouter.relay.asking import Asking
from torouter.relay.passage import Passage
from torouter.relay.race import Race
from torouter.relay.trial import Trial
from torouter.routing.planner import Plan, Planner

__all__ = ["Hedging"]


class Hedging:
    """One per process."""

    __slots__ = ("_aftermath", "_asking", "_clock", "_planner")

    def __init__(self, asking: Asking, aftermath: Aftermath, planner: Planner, clock: Callable[[], float]) -> None:
        self._asking = asking
        self._aftermath = aftermath
        self._planner = planner
        self._clock = clock

    async def ask(self, passage: Passage, plan: Plan) -> None:
        """As `Asking.ask`."""
        assert passage.candidate is not None, "it was picked"
        call, slow_s = passage.call, None
        if call.operation == "chat":
            slow_s = self._planner.slow_after_s(passage.candidate, is_whole=call.framing == "whole")
        if slow_s is None:
            await self._asking.ask(passage, passage)
            return
        race = Race(
            passage,
            partial(self._asking.ask, passage),
            partial(self._aftermath.lost, passage),
            partial(self._fell_behind, passage, plan),
            self._asking.end,
        )
        self._asking.begin(passage)
        await race.run(slow_s, partial(self._rival, passage, plan))

    def _rival(self, passage: Passage, plan: Plan) -> Trial | None:
        pick = plan.rival(self._clock())
        if pick is None or not self._aftermath.may_ask_beside(passage, pick.candidate):
            return None
        plan.leave_out(pick.candidate)
        passage.switches += 1
        rival = Trial()
        rival.take(pick)
        self._asking.begin(rival)
        return rival

    def _fell_behind(self, passage: Passage, plan: Plan, trial: Trial, error: UpstreamError | RequestError) -> None:
        """One of two has failed, and the other goes on."""
        if isinstance(error, UpstreamError):
            self._aftermath.failed(passage, trial, plan, error)
        else:
            self._aftermath.refused(passage, trial, plan, error)
