"""One candidate's turn: what is known of it while it is asked and its answer is on its way."""

from __future__ import annotations

from collections.abc import Callable

from torouter.relay.delivery import Delivery
from torouter.routing.planner import Pick, Reason
from torouter.routing.snapshot import Candidate
from torouter.wire.upstream import Response

__all__ = ["Trial"]


class Trial:
    """A request has one after the other, and where it is hedged two at a time."""

    # Class attributes are the defaults: a small request never sets most of them.
    asked_s: float | None = None
    """When the candidate was asked whose answer is awaited or given, monotonic. `None`: none is."""
    begun: Candidate | None = None
    """The one that the planner was told of, as long as it was not told of its end."""
    candidate: Candidate | None = None
    claim: Callable[[], None] | None = None
    """Set where somebody else is asked at the same time: see `Delivery.claim`."""
    delivery: Delivery | None = None
    number = 0
    """Of its last request to an upstream, where somebody watches; 0: there is none."""
    picked: Reason = "only"
    response: Response | None = None

    def take(self, pick: Pick) -> None:
        self.candidate, self.picked = pick.candidate, pick.reason

    def drop(self) -> None:
        """What the last candidate said is not the answer."""
        self.delivery = None
        self.close_response()

    def close_response(self) -> None:
        if self.response is not None:
            self.response.close()
            self.response = None
