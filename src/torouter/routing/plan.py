"""Whom one request asks, one after the other, as the attempts come out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal, NamedTuple

from torouter.channels import Channel
from torouter.routing.pool import is_left_out
from torouter.routing.selection import Selection
from torouter.routing.snapshot import Candidate, Route

__all__ = ["Pick", "Plan", "Reason", "Step"]

Reason = Literal["only", "rested", "weight", "affinity", "state", "next", "again", "hedge", "probe", "last_resort"]
"""Why a candidate is asked: there is no other; its channel was not used for a minute, others were; the draw by weight;
the conversation was there before; it can read the conversation's own state; those before it failed; it is asked once
more; the one before is slow; to see whether it has recovered; nobody better is left."""

Step = Literal["again", "next_credential", "next_channel"]
"""What a verdict lets follow a failed attempt."""

_RIVALS_SEEN: Final = 8


class Pick(NamedTuple):
    """`wait_s` is to be waited before it is asked."""

    candidate: Candidate
    reason: Reason
    wait_s: float = 0.0


class Plan:
    """Of one request. `next` gives the candidate to ask now, and `failed` is told what became of it. Tell
    `Planner.began` before anything else is awaited: until then a place under a cap is not taken."""

    full: tuple[Channel, ...] = ()
    """After a `next` without an answer: channels that could serve, but for their caps. While there are any, nobody is
    asked who is cooling down."""
    wait_s: float | None = None
    """After a `next` without an answer: how long until the first of those may be asked whose upstream said when. `None`
    where there are none, or somebody else could serve."""
    _again: tuple[tuple[float, Candidate], ...] = ()
    _at_once: Candidate | None = None
    _has_asked = False

    def __init__(
        self, selection: Selection, route: Route, affinity: bytes | None, scopes: Collection[bytes] = ()
    ) -> None:
        self._selection = selection
        self._route = route
        self._affinity = affinity
        self._scopes = scopes
        self._left_out: dict[str, set[str] | None] = {}

    def next(self, now_s: float) -> Pick | None:
        """`None`: nobody is to be asked now; see `full` and `wait_s`. Who was picked is not picked again."""
        first, self._at_once = self._at_once, None
        pick = self._retry(now_s, first) if first is not None else None
        pick = pick or self._fresh(now_s) or self._retry(now_s) or self._last(now_s)
        if pick is not None:
            self.full, self.wait_s, self._has_asked = (), None, True
            self.leave_out(pick.candidate)
        return pick

    def failed(
        self, candidate: Candidate, step: Step, now_s: float, *, wait_s: float = 0.0, at_once: bool = False
    ) -> None:
        """`again`: it may be asked once more when `wait_s` has passed: when nobody else is left, or `at_once`, before
        anybody else. `next_credential`: not this credential again; `next_channel`: nobody of its channel."""
        if step == "again":
            self._again = (*self._again, (now_s + wait_s, candidate))
            self._at_once = candidate if at_once else None
        elif step == "next_channel":
            self._left_out[candidate.channel.name] = None
            self._again = tuple(each for each in self._again if each[1].channel.name != candidate.channel.name)

    def rival(self, now_s: float) -> Pick | None:
        """Who may be asked beside the one that is being asked: healthy, and with room. It is not used up until it
        began, so that is to be told at once."""
        kept = {name: None if labels is None else {*labels} for name, labels in self._left_out.items()}
        try:
            for _ in range(_RIVALS_SEEN):
                found = self._drawn(now_s)
                if found is None:
                    return None
                if self._selection.health.is_closed(found.candidate):
                    self._selection.rival = self, found.candidate
                    return Pick(found.candidate, "hedge")
                self.leave_out(found.candidate)
            return None
        finally:
            self._left_out = kept

    def leave_out(self, candidate: Candidate) -> None:
        labels = self._left_out.setdefault(candidate.channel.name, set())
        if labels is not None:
            labels.add(candidate.credential.label)

    def _fresh(self, now_s: float) -> Pick | None:
        """Somebody who was not asked yet."""
        only = self._route.only
        if only is None:
            pick = self._stateful(now_s) if self._scopes else None
            pick = pick or self._drawn(now_s)
        elif not self._left_out and self._selection.ready_s(only, now_s) <= now_s:
            pick = Pick(only, "only")
        else:
            return None
        if pick is None:
            return None
        if self._selection.health.probe(pick.candidate, now_s):
            return Pick(pick.candidate, "probe")
        return Pick(pick.candidate, "next") if self._has_asked else pick

    def _stateful(self, now_s: float) -> Pick | None:
        """Who can read the conversation's own state, whatever its priority; where it was last, if that is one."""
        selection = self._selection
        able = [
            candidate
            for scope in self._scopes
            for candidate in self._route.issuing(scope)
            if not is_left_out(candidate, self._left_out) and selection.ready_s(candidate, now_s) <= now_s
        ]
        if not able:
            return None
        pinned = selection.pins.find(self._affinity, now_s) if self._affinity else None
        first = min(
            able, key=lambda each: (each.channel.priority, (each.channel.name, each.credential.label) != pinned)
        )
        return Pick(first, "state")

    def _drawn(self, now_s: float) -> Pick | None:
        """In the best priority that has anybody: where the conversation was, or where its key falls; without one, by
        the draw."""
        selection, left_out, key = self._selection, self._left_out, self._affinity
        pinned = selection.pins.find(key, now_s) if key is not None else None
        for pool in selection.pools(self._route):
            if pinned is not None and (candidate := pool.find(pinned, now_s, left_out)) is not None:
                return Pick(candidate, "affinity")
            if key is not None and (candidate := pool.draw_keyed(key, now_s, left_out)) is not None:
                return Pick(candidate, "weight")
            if (drawn := pool.draw(now_s, selection.draw, left_out)) is not None:
                return Pick(drawn[0], "rested" if drawn[1] else "weight")
        return None

    def _retry(self, now_s: float, chosen: Candidate | None = None) -> Pick | None:
        """Whose time comes first of those who may be asked again and have room."""
        selection = self._selection
        for due_s, candidate in sorted(self._again, key=lambda each: each[0]):
            if (chosen is None or candidate is chosen) and selection.has_room(candidate.channel):
                self._again = tuple(each for each in self._again if each[1] is not candidate)
                until_s = max(due_s, selection.health.told_s(candidate))
                return Pick(candidate, "again", max(until_s - now_s, 0.0))
        return None

    def _last(self, now_s: float) -> Pick | None:
        """The one that cools down for the shortest time: better than no answer. Looks at everybody who is left."""
        selection, told_s = self._selection, []
        cooling: list[tuple[float, Candidate]] = []
        full = {candidate.channel.name: candidate.channel for _, candidate in self._again}
        for candidate in self._route.candidates:
            if is_left_out(candidate, self._left_out):
                continue
            if (until_s := selection.health.told_s(candidate)) > now_s:
                told_s.append(until_s)
            elif not selection.has_room(candidate.channel):
                if not selection.health.is_cooling(candidate, now_s):
                    full[candidate.channel.name] = candidate.channel
            else:
                cooling.append((selection.health.ready_s(candidate, now_s), candidate))
        self.full, self.wait_s = tuple(full.values()), None
        if full:
            return None
        if cooling:
            return Pick(min(cooling, key=lambda each: each[0])[1], "last_resort")
        self.wait_s = min(told_s) - now_s if told_s else None
        return None
