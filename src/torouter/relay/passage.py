"""One request on its way, and how far it has come: what is written down in the end."""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Callable

from torouter.access.admission import Admission
from torouter.access.terms import Terms
from torouter.errors import TorouterError, UpstreamError
from torouter.ledger.books import LedgerRow
from torouter.relay.call import Call
from torouter.relay.continuity import Conversation
from torouter.relay.delivery import AttemptOutcome, Delivery, Outcome
from torouter.relay.losses import refused_field
from torouter.relay.record import attempt_row, word_for
from torouter.relay.turn import Turn
from torouter.routing.snapshot import Candidate
from torouter.units import wall_ms
from torouter.wire.exchange import Exchange
from torouter.wire.upstream import Response

__all__ = ["Passage"]


class Passage:
    """`settle` is called with it once: when the answer's last bytes are about to leave, or in the end."""

    # Class attributes are the defaults: a small request never sets most of them.
    asked_s: float | None = None
    """When the candidate was asked whose answer is awaited or given, monotonic. `None`: none is."""
    attempts: tuple[LedgerRow, ...] = ()
    """Those that failed."""
    candidate: Candidate | None = None
    conversation: Conversation | None = None
    delivery: Delivery | None = None
    drain: TimerHandle | None = None
    """Set when the client has left and the answer is read on without it."""
    is_settled = False
    refused: tuple[str, ...] = ()
    response: Response | None = None
    switches = -1
    turn: Turn | None = None
    _ended: tuple[Outcome, int] | None = None

    def __init__(
        self, exchange: Exchange, admission: Admission, call: Call, terms: Terms, settle: Callable[[Passage], None]
    ) -> None:
        self.exchange = exchange
        self.admission = admission
        self.call = call
        self.terms = terms
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

    def refused_with(self, error: TorouterError) -> None:
        if isinstance(error, UpstreamError):
            self._ended = "upstream_error", error.status
        else:
            self._ended, self.refused = ("refused", error.status), refused_field(error)

    def cancelled(self) -> None:
        self._ended = "client_left", 499

    def faulted(self) -> None:
        self._ended = "fault", 500

    def answered_with(self, error: UpstreamError) -> None:
        """The upstream's error is the answer, as it is."""
        self._ended = "upstream_error", error.upstream_status

    def failed(self, error: TorouterError, now_s: float) -> None:
        """The candidate, if it was asked."""
        if self.asked_s is None:
            return
        row = attempt_row(
            self,
            at_ms=wall_ms(),
            amount_nusd=0,
            status=error.upstream_status if isinstance(error, UpstreamError) else 0,
            outcome=word_for(error),
            now_s=now_s,
        )
        self.attempts = (*self.attempts, row)
        self.asked_s = None

    def drop(self) -> None:
        """What the last candidate said is not the answer."""
        self.delivery = None
        if self.response is not None:
            self.response.close()
            self.response = None

    def close(self) -> None:
        exchange = self.exchange
        exchange.on_last = exchange.on_left = None
        if exchange.on_pause is not None:
            exchange.on_pause = exchange.on_resume = None
        if self.drain is not None:
            self.drain.cancel()
        if self.response is not None:
            self.response.close()
