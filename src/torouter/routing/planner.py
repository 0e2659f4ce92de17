"""In which order a route's candidates are asked, one by one, as the attempts come out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal, NamedTuple

from torouter.channels import Channel
from torouter.routing.health import Blame, Health
from torouter.routing.pick import order, preferring
from torouter.routing.snapshot import Candidate, Route

__all__ = ["Pick", "Plan", "Planner", "Reason", "Step"]

Reason = Literal["only", "rested", "weight", "affinity", "state", "next", "again", "hedge", "probe", "last_resort"]
"""Why a candidate is asked: there is no other; it was used least recently; the draw by weight; the conversation was
there before; it can read the conversation's own state; those before it failed; it is asked once more; the one before is
slow; to see whether it has recovered; nobody better is left."""

Step = Literal["again", "next_credential", "next_channel"]
"""What a verdict lets follow a failed attempt."""


class Pick(NamedTuple):
    """`wait_s` is to be waited before it is asked."""

    candidate: Candidate
    reason: Reason
    wait_s: float = 0.0


class Plan:
    """Of one request. `next` gives the candidate to ask now, and `failed` is told what became of it."""

    full: tuple[Channel, ...] = ()
    """Channels that could serve, but for their caps on concurrency."""
    wait_s: float | None = None
    """Where everybody left was told by the upstream to be left alone: until the first of them may be asked."""

    def __init__(self, candidates: list[Candidate]) -> None:
        self._left = candidates
        self._is_first = True
        self._has_choice = len(candidates) > 1

    def next(self, now_s: float) -> Pick | None:
        """`None`: nobody is left to be asked."""
        if not self._left:
            return None
        reason: Reason = "next" if not self._is_first else "weight" if self._has_choice else "only"
        self._is_first = False
        return Pick(self._left.pop(0), reason)

    def rival(self, now_s: float) -> Pick | None:
        """Who may be asked beside the one that is being asked. Used up when it began."""
        return None

    def failed(
        self, candidate: Candidate, step: Step, now_s: float, *, wait_s: float = 0.0, at_once: bool = False
    ) -> None:
        """`again`: it may be asked once more after `wait_s`, when nobody else is left, or before anybody else."""
        if step == "next_channel":
            self._left = [each for each in self._left if each.channel is not candidate.channel]


class Planner:
    """One per process, over all snapshots. `draw` gives numbers in [0, 1)."""

    def __init__(self, draw: Callable[[], float]) -> None:
        self.health = Health()
        self.processes = 1
        self.on_room: Callable[[str], None] = lambda channel: None
        self._draw = draw

    def plan(self, route: Route, now_s: float, *, affinity: bytes | None, scopes: Collection[bytes] = ()) -> Plan:
        """`affinity` is the same for all requests of a conversation; `scopes` is where its own state is valid."""
        ordered = order(route, self.health, now_s, self._draw)
        return Plan(preferring(scopes, ordered, self.health, now_s) if scopes else list(ordered))

    def began(self, candidate: Candidate, now_s: float) -> None:
        """It is being asked: it counts as used, and against its channel's cap."""

    def ended(self, candidate: Candidate, now_s: float) -> None:
        """However it went. Once for each `began`."""

    def succeeded(
        self, candidate: Candidate, now_s: float, *, affinity: bytes | None, first_token_s: float | None
    ) -> None:
        self.health.succeeded(candidate, now_s, first_token_s)

    def failed(
        self,
        candidate: Candidate,
        blame: Blame,
        now_s: float,
        retry_after_s: float | None,
        *,
        is_sudden: bool = True,
    ) -> None:
        """`is_sudden`: once is enough to leave it alone for a while."""
        self.health.failed(candidate, blame, now_s, retry_after_s, is_sudden=is_sudden)

    def slow_after_s(self, candidate: Candidate) -> float | None:
        """When its first token is later than 95 of 100 were. `None`: too few are known."""
        return None

    def in_flight(self, channel: str) -> int:
        return 0
