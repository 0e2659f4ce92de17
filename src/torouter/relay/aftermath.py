"""What follows an attempt: its row on the books, whom it speaks against, and who may be asked next."""

from __future__ import annotations

import logging
from collections.abc import Callable

from torouter.errors import RequestError, UpstreamError
from torouter.relay.counters import Counters
from torouter.relay.delivery import AttemptOutcome
from torouter.relay.failure import Failure
from torouter.relay.passage import Passage
from torouter.relay.patience import Patience
from torouter.relay.settling import Settling
from torouter.relay.trial import Trial
from torouter.routing.planner import Plan, Planner
from torouter.routing.snapshot import Candidate

__all__ = ["Aftermath"]

_log = logging.getLogger("torouter.relay")


class Aftermath:
    """One per process. `patience` makes that of a request."""

    __slots__ = ("_clock", "_counters", "_patience", "_planner", "_settling")

    def __init__(
        self,
        planner: Planner,
        counters: Counters,
        settling: Settling,
        patience: Callable[[], Patience],
        clock: Callable[[], float],
    ) -> None:
        self._planner = planner
        self._counters = counters
        self._settling = settling
        self._patience = patience
        self._clock = clock

    def served(self, passage: Passage) -> None:
        """Its answer has been given, perhaps not to its end."""
        candidate, delivery = passage.candidate, passage.delivery
        if passage.response is None or candidate is None:
            return  # nobody was asked
        if delivery is not None and delivery.failure is not None:
            if not passage.is_reopened:
                self.blame(passage, candidate, Failure.of(delivery.failure), is_midway=passage.has_begun)
        elif not passage.has_begun or passage.is_reopened:
            now_s = self._clock()
            whole_s = passage.whole_s(passage, now_s)
            self._planner.succeeded(candidate, now_s, affinity=passage.affinity, first_token_s=None, whole_s=whole_s)
        else:
            self._planner.finished(candidate, self._clock())

    def failed(self, passage: Passage, trial: Trial, plan: Plan, error: UpstreamError) -> Failure:
        """Nothing of it has been given to the client."""
        failure, now_s = Failure.of(error), self._clock()
        candidate, row = trial.candidate, failure.row
        assert candidate is not None, "it was asked"
        is_asked = trial.asked_s is not None
        passage.failed(trial, error, row.name, now_s)
        trial.drop()
        patience = passage.patience_by(self._patience)
        patience.asked(candidate)
        if passage.observer is not None and is_asked:
            passage.observer.left(trial, row.step or "fail", row.name, error.message)
        if row.step is None:
            return failure
        self.blame(passage, candidate, failure)
        has_others = not passage.is_elsewhere and bool(passage.others.outage)
        wait_s = patience.pause_s(candidate, row, error, passage.admission.route, has_others=has_others)
        plan.failed(candidate, row.step, now_s)
        if wait_s is not None:
            plan.failed(candidate, "again", now_s, wait_s=wait_s)
        return failure

    def refused(self, passage: Passage, trial: Trial, plan: Plan, error: RequestError) -> None:
        """This candidate cannot be sent such a request, and nobody is to blame."""
        assert trial.candidate is not None, "it was picked"
        now_s = self._clock()
        if passage.observer is not None and trial.asked_s is not None:
            passage.observer.left(trial, "next_channel", "bad_request", error.message)
        passage.failed(trial, error, "bad_request", now_s)
        if passage.exchange.has_begun:
            raise error
        trial.drop()
        plan.failed(trial.candidate, "next_channel", now_s)

    def lost(self, passage: Passage, trial: Trial, word: str = "lost", outcome: AttemptOutcome = "lost") -> None:
        """It was asked, and what it said is not the answer, or not the answer's end."""
        if trial.asked_s is None:
            return
        assert trial.candidate is not None, "it was asked"
        passage.patience_by(self._patience).asked(trial.candidate)
        if passage.observer is not None:
            passage.observer.left(trial, outcome, word, "")
        passage.write(
            trial,
            status=0 if trial.response is None else trial.response.status,
            outcome=outcome,
            left_for=word,
            now_s=self._clock(),
            cost_nusd=self._settling.wasted_nusd(passage, trial),
        )

    def may_ask_beside(self, passage: Passage, candidate: Candidate) -> bool:
        """Within the bounds of the request, as an attempt beside the one that is under way?"""
        return passage.patience_by(self._patience).may_ask(candidate, beside=passage.candidate)

    def blame(self, passage: Passage, candidate: Candidate, failure: Failure, *, is_midway: bool = False) -> None:
        """`is_midway`: the planner was told that its answer has begun."""
        error, row = failure
        if row.blame == "nobody":
            return
        channel = candidate.channel.name
        self._counters.attempt_failures[channel, error.upstream_status] += 1
        self._planner.failed(
            candidate,
            row.blame,
            self._clock(),
            error.retry_after_s,
            is_sudden=row.is_sudden,
            is_midway=is_midway,
            why=row.name,
        )
        _log.warning(
            "attempt failed request_id=%s channel=%s credential=%s verdict=%s phase=%s upstream_status=%d",
            passage.exchange.request_id.decode("ascii"),
            channel,
            candidate.credential.label,
            row.name,
            error.phase,
            error.upstream_status,
        )
