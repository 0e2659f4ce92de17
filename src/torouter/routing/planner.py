"""Whom requests ask, and what is learned from how it went."""

from __future__ import annotations

from collections.abc import Callable, Collection

from torouter.channels import Channel
from torouter.routing.health import Blame, Health
from torouter.routing.plan import Pick, Plan, Reason, Step
from torouter.routing.selection import Selection
from torouter.routing.snapshot import Candidate, Route
from torouter.routing.traffic import Use

__all__ = ["Pick", "Plan", "Planner", "Reason", "Step"]


class Planner:
    """One per process, over all snapshots. `draw` gives numbers in [0, 1); all times are of one monotonic clock.

    `on_room` is called with a channel's name when a request there has ended, or its cap may have room for more.
    """

    def __init__(self, draw: Callable[[], float]) -> None:
        self.on_room: Callable[[str], None] | None = None
        self._selection = Selection(draw)
        self._traffic = self._selection.traffic
        self.health: Health = self._selection.health

    @property
    def processes(self) -> int:
        """How many are alive: each takes an equal share of a channel's cap, and at least 1."""
        return self._selection.processes

    @processes.setter
    def processes(self, count: int) -> None:
        self._selection.processes = max(count, 1)
        for channel, use in [*self._traffic.uses.items()]:
            self._tell_of_room(channel, use)

    def plan(self, route: Route, now_s: float, *, affinity: bytes | None, scopes: Collection[bytes] = ()) -> Plan:
        """`affinity` is the same for all requests of a conversation; `scopes` is where its own state is valid."""
        return Plan(self._selection, route, affinity, scopes)

    def began(self, candidate: Candidate, now_s: float) -> None:
        """It is being asked: it counts as used, and against its channel's cap."""
        self._traffic.began(candidate, now_s)
        rival = self._selection.rival
        if rival is not None:
            self._selection.rival = None
            if rival[1] is candidate:
                rival[0].leave_out(candidate)
        if self.health.is_probed:
            self.health.began(candidate, now_s)

    def ended(self, candidate: Candidate, now_s: float) -> None:
        """However it went. Once for each `began`."""
        lane = self._traffic.ended(candidate)
        if self.health.is_probed and not lane.in_flight:
            self.health.ended(candidate, now_s)
        self._tell_of_room(lane.channel, lane.use)

    def hand_room(self, channel: Channel) -> bool:
        """Keeps a place under a channel's cap for one who has waited for it, if there is any: nobody else gets it. For
        one `release_room`, to be called just before a plan is asked."""
        if not self._selection.has_room(channel):
            return False
        self._traffic.use(channel.name).handed += 1
        return True

    def release_room(self, channel: str) -> None:
        use = self._traffic.use(channel)
        use.handed -= 1
        self._wake_pools(channel, use)

    def succeeded(
        self,
        candidate: Candidate,
        now_s: float,
        *,
        affinity: bytes | None,
        first_token_s: float | None,
        whole_s: float | None = None,
        is_over: bool = True,
    ) -> None:
        """To be told as soon as it is known, at a stream's first event: others may wait for a probe. Where it is not
        over then, `finished` follows, or `failed` if the answer breaks off; neither, if its client leaves."""
        self.health.succeeded(candidate, now_s, first_token_s, whole_s=whole_s, is_over=is_over)
        if affinity is not None:
            self._selection.pins.keep(affinity, candidate, now_s)

    def finished(self, candidate: Candidate, now_s: float) -> None:
        """The answer that `succeeded` was told of while it was not over has come to its end."""
        self.health.finished(candidate, now_s)

    def failed(
        self,
        candidate: Candidate,
        blame: Blame,
        now_s: float,
        retry_after_s: float | None,
        *,
        is_sudden: bool = True,
        is_midway: bool = False,
        why: str = "",
    ) -> None:
        """`is_sudden`: once is enough to leave it alone for a while; else three in a row, or half of ten or more within
        a minute. `is_midway`: after `succeeded`. `retry_after_s` is how long the upstream itself said to leave it
        alone; `why` a word for people."""
        self.health.failed(candidate, blame, now_s, retry_after_s, is_sudden=is_sudden, is_midway=is_midway, why=why)

    def slow_after_s(self, candidate: Candidate, *, is_whole: bool) -> float | None:
        """When the first token, or the whole answer, is later than 95 of 100 were, of this model at this channel.
        `None`: too few are known."""
        lane = self._traffic.lane(candidate)
        return (lane.wholes if is_whole else lane.first_tokens).slow_s()

    def in_flight(self, channel: str) -> int:
        use = self._traffic.uses.get(channel)
        return 0 if use is None else use.in_flight

    def is_full(self, candidate: Candidate) -> bool:
        """Has its channel no room, under its cap?"""
        return not self._selection.has_room(candidate.channel)

    def _wake_pools(self, channel: str, use: Use) -> None:
        if use.was_full:
            use.was_full = False
            self._traffic.wakes.add(channel)

    def _tell_of_room(self, channel: str, use: Use) -> None:
        self._wake_pools(channel, use)
        if self.on_room is not None:
            self.on_room(channel)
