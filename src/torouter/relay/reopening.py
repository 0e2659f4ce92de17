"""An answer that broke off after it had begun is asked for once more elsewhere, where the policy allows it.

What comes is compared with what the client already has (`relay.resuming`); here it is only asked for, and written down:
the attempt that was cut with what it has cost about, and the next one as the one that served.
"""

from __future__ import annotations

from collections.abc import Callable

from torouter.errors import RequestError, UpstreamError
from torouter.relay.aftermath import Aftermath
from torouter.relay.asking import Asking
from torouter.relay.failure import Failure
from torouter.relay.passage import Passage
from torouter.relay.translate import Reopened
from torouter.relay.trial import Trial
from torouter.routing.planner import Planner

__all__ = ["Reopening"]


class Reopening:
    """One per process."""

    __slots__ = ("_aftermath", "_asking", "_clock", "_planner")

    def __init__(self, asking: Asking, aftermath: Aftermath, planner: Planner, clock: Callable[[], float]) -> None:
        self._asking = asking
        self._aftermath = aftermath
        self._planner = planner
        self._clock = clock

    async def reopen(self, passage: Passage, trial: Trial, error: UpstreamError) -> Reopened | None:
        """`None`: nobody else gives it, or is to be asked. `trial` is the one that was cut, and then the next."""
        failure, plan, cut = Failure.of(error), passage.plan, trial.candidate
        if passage.drain is not None or plan is None or cut is None or failure.row.step is None:
            return None
        self._aftermath.blame(passage, cut, failure, is_midway=passage.has_begun)
        passage.is_reopened = True
        plan.failed(cut, "next_channel", self._clock())
        while (pick := plan.next(self._clock())) is not None and not pick.wait_s:
            if not self._aftermath.may_ask_beside(passage, pick.candidate):
                break
            following = Trial()
            following.take(pick)
            reopened = await self._ask(passage, following)
            if reopened is not None:
                self._go_over(passage, trial, following, failure.row.name)
                return reopened
        return None

    async def _ask(self, passage: Passage, following: Trial) -> Reopened | None:
        plan, candidate = passage.plan, following.candidate
        assert plan is not None, "it has picked"
        assert candidate is not None, "it was picked"
        passage.switches += 1
        self._planner.began(candidate, self._clock())
        reopened: Reopened | None = None
        try:
            reopened = await self._asking.open(passage, following)
        except UpstreamError as error:
            self._aftermath.failed(passage, following, plan, error)
        except RequestError:
            plan.failed(candidate, "next_channel", self._clock())
        finally:
            if reopened is None:
                following.close_response()
                self._planner.ended(candidate, self._clock())
        return reopened

    def _go_over(self, passage: Passage, trial: Trial, following: Trial, word: str) -> None:
        """From now on the answer is the next one's, on the books as well."""
        assert trial.begun is not None, "it was asked"
        self._aftermath.lost(passage, trial, word, "truncated")
        self._planner.ended(trial.begun, self._clock())
        trial.close_response()
        for each in {trial, passage}:
            each.candidate, each.picked, each.asked_s = following.candidate, following.picked, following.asked_s
            each.response, each.number = following.response, following.number
        trial.begun = following.candidate
        response, exchange = following.response, passage.exchange
        assert response is not None, "its head has come"
        exchange.on_pause, exchange.on_resume = response.pause, response.resume
