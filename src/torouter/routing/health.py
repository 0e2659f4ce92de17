"""How channels, credentials and models fare: which of them are left alone for a while. Monotonic seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from torouter.routing.breaker import Breaker
from torouter.routing.reports import Blame, HealthReport, Note
from torouter.routing.snapshot import Candidate, places_of
from torouter.routing.traffic import Lane, Traffic

__all__ = ["Blame", "Health", "HealthReport", "Note"]

_BLAMES: Final[tuple[Blame, ...]] = ("channel", "credential", "model")
"""As `Candidate.places` stand."""

_COOL_DOWNS: Final = {"channel": (1.0, 20.0), "credential": (30.0, 1800.0), "model": (1.0, 20.0)}
"""The first and the longest. An outage is over within seconds, mostly; a key that is refused wants a person."""

_PICKED_S: Final = 5.0
_PROBE_S: Final = 30.0
_BREAKERS_LIMIT: Final = 10_000


class Health:
    """Three places of each candidate may be open: its channel, its credential, its model at this credential. `draw`
    gives numbers in [0, 1). A place has a breaker from its first failure until a success that finds no failure in the
    last 60 s: while all is well there is none."""

    def __init__(self, draw: Callable[[], float], traffic: Traffic) -> None:
        self.on_note: Callable[[Note], None] | None = None
        self.is_probed = False
        """May somebody be looking whether a place has recovered?"""
        self._draw = draw
        self._traffic = traffic
        self._breakers: dict[str, Breaker] = {}

    def ready_s(self, candidate: Candidate, now_s: float) -> float:
        """From when the candidate may be asked; past, if it may now."""
        if not self._breakers:
            return 0.0
        return max((breaker.ready_s(now_s) for breaker in self._of(candidate)), default=0.0)

    def told_s(self, candidate: Candidate) -> float:
        """Until when its upstream told to leave it alone; past or 0 if it did not."""
        return max((breaker.until_s for breaker in self._of(candidate) if breaker.is_told), default=0.0)

    def open_s(self, candidate: Candidate) -> float:
        """Until when it was opened; past or 0 if it is not open."""
        return max((breaker.until_s for breaker in self._of(candidate)), default=0.0)

    def is_cooling(self, candidate: Candidate, now_s: float) -> bool:
        return self.ready_s(candidate, now_s) > now_s

    def is_closed(self, candidate: Candidate) -> bool:
        return not self._breakers or all(breaker.until_s == 0.0 for breaker in self._of(candidate))

    def probe(self, candidate: Candidate, now_s: float) -> bool:
        """Is the one who asks it now to see whether it has recovered? Then nobody else is, until that is known."""
        if self.is_closed(candidate):
            return False
        for breaker in self._of(candidate):
            if breaker.until_s:
                breaker.probe_until_s = now_s + _PICKED_S
                breaker.prober = candidate.places[2]
        self.is_probed = True
        return True

    def began(self, candidate: Candidate, now_s: float) -> None:
        """To be told where `is_probed`: one who was picked and never asked holds others up for less long."""
        for breaker in self._of(candidate):
            if breaker.prober == candidate.places[2] and breaker.probe_until_s > now_s:
                breaker.probe_until_s = now_s + _PROBE_S

    def ended(self, candidate: Candidate, now_s: float) -> None:
        """To be told where `is_probed`, when nobody asks the candidate any more: whoever looked has left without a
        word, if it is not known yet."""
        for breaker in self._of(candidate):
            if breaker.prober == candidate.places[2]:
                breaker.prober, breaker.probe_until_s = "", 0.0
                self._traffic.wakes.add(candidate.channel.name)
        self.is_probed = any(breaker.probe_until_s > now_s for breaker in self._breakers.values())

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
        """`is_midway`: `succeeded` was told of the answer's beginning, and counted it. `why` is for people."""
        lane = self._traffic.lane(candidate)
        if not is_midway:
            lane.requests.add(now_s)
        if blame == "nobody":
            return
        lane.failures.add(now_s)
        lane.failed_for, lane.failed_s = why, now_s
        names = lane.channel, lane.credential, lane.model
        breaker = self._breaker(blame, names)
        requests = 0 if is_sudden else sum(each.requests.count(now_s) for each in _beside(lane, blame))
        has_opened = breaker.failed(
            now_s, retry_after_s, is_sudden=is_sudden, requests=requests, draw=self._draw, is_midway=is_midway
        )
        if has_opened:
            breaker.why = why
            self._note(blame, breaker, now_s)

    def succeeded(
        self,
        candidate: Candidate,
        now_s: float,
        first_token_s: float | None,
        *,
        whole_s: float | None = None,
        is_over: bool = True,
    ) -> None:
        """`first_token_s` is how long a stream let wait for its first meaningful event, `whole_s` how long a whole
        answer let wait; `None` where it is not that, or is no chat. `is_over`: it has come to its end; else `finished`
        or `failed` is to follow."""
        lane = self._traffic.lane(candidate)
        lane.requests.add(now_s)
        if first_token_s is not None:
            lane.first_tokens.add(first_token_s)
        if whole_s is not None:
            lane.wholes.add(whole_s)
        if self._breakers:
            self._recover(candidate, now_s, is_over=is_over)

    def finished(self, candidate: Candidate, now_s: float) -> None:
        """An answer has come to its end whose beginning `succeeded` was told of."""
        if self._breakers:
            self._recover(candidate, now_s, is_over=True)

    def learn(self, note: Note, now_s: float) -> None:
        """What another process noticed. Never calls `on_note`."""
        if note.blame == "nobody":
            return
        names = note.channel, note.credential, note.model
        if note.left_s > 0.0:
            breaker = self._breaker(note.blame, names)
            breaker.learn(now_s + note.left_s, note.failures, is_told=note.is_told, is_midway=note.is_midway)
            breaker.why = note.why or breaker.why
        elif self._breakers.pop(places_of(*names)[_BLAMES.index(note.blame)], None) is not None:
            self._traffic.wakes.add(note.channel)

    def reports(self, now_s: float) -> list[HealthReport]:
        """One for each model at each credential that was asked, and one for whatever else is known to be bad."""
        lanes = self._traffic.lanes.values()
        seen = {place for lane in lanes for place in places_of(lane.channel, lane.credential, lane.model)}
        unasked = [breaker for place, breaker in self._breakers.items() if place not in seen and breaker.until_s]
        return [
            *(self._report(lane, now_s) for lane in lanes),
            *(_report((breaker,), breaker.names, now_s) for breaker in unasked),
        ]

    def failures(self, candidate: Candidate) -> int:
        """In a row, at the worst of its places."""
        return max((breaker.failures for breaker in self._of(candidate)), default=0)

    def _of(self, candidate: Candidate) -> list[Breaker]:
        breakers = self._breakers
        return [breakers[place] for place in candidate.places if place in breakers]

    def _breaker(self, blame: Blame, names: tuple[str, str, str]) -> Breaker:
        level = _BLAMES.index(blame)
        place = places_of(*names)[level]
        breaker = self._breakers.get(place)
        if breaker is None:
            if len(self._breakers) >= _BREAKERS_LIMIT:
                self._forget()
            channel, credential, model = names
            shown = channel, credential if level > 0 else "", model if level > 1 else ""
            breaker = self._breakers[place] = Breaker(shown, *_COOL_DOWNS[blame])
        return breaker

    def _recover(self, candidate: Candidate, now_s: float, *, is_over: bool) -> None:
        """Where answers break off, one that has merely begun says nothing."""
        for blame, place in zip(_BLAMES, candidate.places, strict=True):
            breaker = self._breakers.get(place)
            if breaker is None or (breaker.is_midway and not is_over):
                continue
            if breaker.succeeded(now_s):
                self._traffic.wakes.add(candidate.channel.name)
                self._note(blame, breaker, now_s)
            if breaker.until_s == 0.0 and not breaker.failures_lately.count(now_s):
                del self._breakers[place]

    def _note(self, blame: Blame, breaker: Breaker, now_s: float) -> None:
        if self.on_note is not None:
            left_s = max(breaker.until_s - now_s, 0.0)
            is_told, is_midway = breaker.is_told, breaker.is_midway
            self.on_note(Note(*breaker.names, blame, breaker.failures, left_s, is_told, breaker.why, is_midway))

    def _forget(self) -> None:
        """A client may name any number of models that fail: the half of which nothing was heard for longest goes."""
        oldest = sorted(self._breakers, key=lambda place: self._breakers[place].until_s)
        for place in oldest[: _BREAKERS_LIMIT // 2]:
            self._traffic.wakes.add(self._breakers.pop(place).names[0])

    def _report(self, lane: Lane, now_s: float) -> HealthReport:
        names = lane.channel, lane.credential, lane.model
        breakers = [self._breakers[place] for place in places_of(*names) if place in self._breakers]
        return _report(breakers, names, now_s, lane)


def _report(
    breakers: Sequence[Breaker], names: tuple[str, str, str], now_s: float, lane: Lane | None = None
) -> HealthReport:
    until_s = max((breaker.until_s for breaker in breakers), default=0.0)
    requests = lane.requests.count(now_s) if lane is not None else 0
    return HealthReport(
        channel=names[0],
        credential=names[1],
        model=names[2],
        state="open" if until_s > now_s else "half-open" if until_s else "closed",
        left_s=max(until_s - now_s, 0.0),
        is_told=any(breaker.is_told and breaker.until_s > now_s for breaker in breakers),
        failures_in_row=max((breaker.failures for breaker in breakers), default=0),
        failure_ratio=lane.failures.count(now_s) / requests if lane is not None and requests else 0.0,
        requests=requests,
        first_token_p50_s=lane.first_tokens.quantile(0.5) if lane is not None else None,
        first_token_p95_s=lane.first_tokens.quantile(0.95) if lane is not None else None,
        last_failure=lane.failed_for if lane is not None else "",
        last_failure_s=now_s - lane.failed_s if lane is not None and lane.failed_for else None,
    )


def _beside(lane: Lane, blame: Blame) -> list[Lane]:
    """All that go through the place which is blamed."""
    if blame == "model":
        return [lane]
    lanes = lane.use.lanes.values()
    return [each for each in lanes if blame == "channel" or each.credential == lane.credential]
