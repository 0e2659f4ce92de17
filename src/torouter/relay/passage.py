"""One request on its way, and how far it has come: what is written down in the end."""

from __future__ import annotations

from asyncio import CancelledError, TimerHandle
from collections.abc import Callable

from torouter.access.admission import Admission
from torouter.access.terms import Terms
from torouter.errors import TorouterError, UpstreamError
from torouter.ledger.books import LedgerRow
from torouter.relay.call import Call
from torouter.relay.continuity import Conversation
from torouter.relay.delivery import AttemptOutcome
from torouter.relay.losses import refused_field
from torouter.relay.observing import Observer
from torouter.relay.others import NO_OTHERS, Others
from torouter.relay.patience import Patience
from torouter.relay.record import attempt_row, word_for
from torouter.relay.trial import Trial
from torouter.relay.turn import Turn
from torouter.relay.verdict import Row
from torouter.routing.planner import Plan
from torouter.units import Outcome, wall_ms
from torouter.wire.exchange import Exchange

__all__ = ["Passage"]


class Passage(Trial):
    """Who answers it, or was asked last, is its own trial.

    `settle` is called with it once: when the answer's last bytes are about to leave, or in the end."""

    # Class attributes are the defaults: a small request never sets most of them.
    affinity: bytes | None = None
    attempts: tuple[LedgerRow, ...] = ()
    """Those that failed."""
    conversation: Conversation | None = None
    has_begun = False
    """Has whoever answers it said something, and is that known to the planner?"""
    drain: TimerHandle | None = None
    """Set when the client has left and the answer is read on without it."""
    is_elsewhere = False
    """Another model is asked than the request's own, which is the one in its body."""
    is_reopened = False
    """Its answer broke off after it had begun, and somebody else was asked for it."""
    is_settled = False
    observer: Observer | None = None
    """Who watches the request, if anybody does."""
    patience: Patience | None = None
    """Since something has failed."""
    plan: Plan | None = None
    queued_s = 0.0
    """How long it has waited for room."""
    refused: tuple[str, ...] = ()
    switches = -1
    """How many candidates came after the first."""
    turn: Turn | None = None
    _ended: tuple[Outcome, int] | None = None

    def __init__(
        self,
        exchange: Exchange,
        admission: Admission,
        call: Call,
        terms: Terms,
        settle: Callable[[Passage], None],
        others: Others = NO_OTHERS,
    ) -> None:
        self.exchange = exchange
        self.admission = admission
        self.call = call
        self.terms = terms
        self.others = others
        self._settle = settle
        exchange.on_last = self.settle

    def settle(self) -> None:
        if not self.is_settled:
            self.is_settled = True
            self._settle(self)

    @property
    def ended(self) -> tuple[Outcome, int]:
        """How it has, and the status that the client saw, or would have seen."""
        if self.drain is not None:
            return "client_left", 499
        if self._ended is not None:
            return self._ended
        assert self.delivery is not None, "an answer that nothing has gone wrong with"
        return self.delivery.outcome, self.exchange.status

    @property
    def is_error(self) -> bool:
        """Has the answer ended in an error, or was it none?"""
        if self._ended is not None:
            return self._ended[0] != "client_left"
        return self.delivery is not None and self.delivery.outcome == "truncated"

    @property
    def attempt_outcome(self) -> AttemptOutcome:
        """Of the candidate that has not failed."""
        if self._ended is None and self.delivery is not None:
            outcome = self.delivery.outcome
        else:
            outcome = "fault" if self._ended is None else self._ended[0]
        return "fault" if outcome == "refused" else outcome

    def whole_s(self, trial: Trial, now_s: float) -> float | None:
        """How long its answer let wait, if it is a whole one to a chat."""
        if self.call.framing != "whole" or self.call.operation != "chat" or trial.asked_s is None:
            return None
        return now_s - trial.asked_s

    def ended_with(self, error: BaseException) -> None:
        """No answer, or none that is whole."""
        if isinstance(error, UpstreamError):
            self._ended = "upstream_error", error.status
        elif isinstance(error, TorouterError):
            self._ended, self.refused = ("refused", error.status), refused_field(error)
        else:
            self._ended = ("client_left", 499) if isinstance(error, CancelledError) else ("fault", 500)

    def answered_with(self, error: UpstreamError) -> None:
        """The upstream's error is the answer, as it is."""
        self._ended = "upstream_error", error.upstream_status

    def has_more(self, row: Row) -> bool:
        """Is there another model to ask after such a failure, or does another model's failure come after one already?
        Then what the upstream says is not the answer."""
        return self.is_elsewhere or bool(row.fallback is not None and self.others.after(row.fallback))

    def failed(self, trial: Trial, error: TorouterError, left_for: str, now_s: float) -> None:
        """A candidate, if it was asked."""
        if trial.asked_s is None:
            return
        self.write(
            trial,
            status=error.upstream_status if isinstance(error, UpstreamError) else 0,
            outcome=word_for(error),
            left_for=left_for,
            now_s=now_s,
        )

    def write(
        self, trial: Trial, *, status: int, outcome: AttemptOutcome, left_for: str, now_s: float, cost_nusd: int = 0
    ) -> None:
        """An attempt that did not become the answer. Nobody is charged for it, whatever it cost."""
        row = attempt_row(
            self,
            trial,
            at_ms=wall_ms(),
            amount_nusd=0,
            status=status,
            outcome=outcome,
            now_s=now_s,
            left_for=left_for,
            cost_nusd=cost_nusd,
        )
        self.attempts = (*self.attempts, row)
        trial.asked_s = None

    def patience_by(self, make: Callable[[], Patience]) -> Patience:
        """Made when something has failed, or must be waited for: most requests never need it."""
        if self.patience is None:
            self.patience = make()
            self.patience.reserved = bool(self.others.outage)
        return self.patience

    def go_elsewhere(self, admission: Admission, call: Call) -> None:
        """To another model."""
        self.is_elsewhere = True
        self.admission, self.call = admission, call
        self.conversation = self.affinity = None
        if self.patience is not None:
            self.patience.begin_anew()

    def close(self) -> None:
        exchange = self.exchange
        exchange.on_last = exchange.on_left = None
        if exchange.on_pause is not None:
            exchange.on_pause = exchange.on_resume = None
        if self.drain is not None:
            self.drain.cancel()
        self.close_response()
