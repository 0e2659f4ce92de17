"""What goes to channels and through them: requests in flight, times of last use, counts. Kept by names, so that a new
snapshot finds what is known of its channels."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from torouter.routing.first_tokens import FirstTokens
from torouter.routing.snapshot import Candidate
from torouter.routing.window import Window

__all__ = ["Lane", "Traffic", "Use", "Wakes"]

_LANES_LIMIT: Final = 20_000


class Use:
    """Of one channel. `first_tokens` are of streams, `wholes` of whole answers, by model. `handed` places under
    its cap are kept for requests that waited for them and have not run yet. `turns` says when each credential was used
    last, as a number that rises. `was_full`: somebody left it out for that, until there is room."""

    __slots__ = ("first_tokens", "handed", "in_flight", "lanes", "turns", "used_s", "was_full", "wholes")

    def __init__(self) -> None:
        self.handed = 0
        self.in_flight = 0
        self.used_s = float("-inf")
        self.was_full = False
        self.turns: dict[str, int] = {}
        self.first_tokens: dict[str, FirstTokens] = {}
        self.wholes: dict[str, FirstTokens] = {}
        self.lanes: dict[str, Lane] = {}


class Lane:
    """One model at one credential of a channel. `failed_for` is the verdict's word on its last failure."""

    __slots__ = (
        "channel",
        "credential",
        "failed_for",
        "failed_s",
        "failures",
        "first_tokens",
        "in_flight",
        "model",
        "place",
        "requests",
        "use",
        "used_s",
        "wholes",
    )

    def __init__(self, candidate: Candidate, use: Use) -> None:
        self.place = candidate.places[2]
        self.channel = candidate.channel.name
        self.credential = candidate.credential.label
        self.model = candidate.upstream_model
        self.use = use
        self.in_flight = 0
        self.used_s = float("-inf")
        self.requests = Window()
        self.failures = Window()
        self.failed_for = ""
        self.failed_s = float("-inf")
        self.first_tokens = use.first_tokens.setdefault(self.model, FirstTokens())
        self.wholes = use.wholes.setdefault(self.model, FirstTokens())


class Wakes:
    """The channels that may be asked again sooner than was known. Whoever left them out reads on from where it was."""

    def __init__(self) -> None:
        self.count = 0
        self._names: deque[str] = deque(maxlen=1024)

    def add(self, channel: str) -> None:
        self.count += 1
        self._names.append(channel)

    def since(self, count: int) -> Iterable[str] | None:
        """`None`: too many to tell."""
        missed = self.count - count
        if missed > len(self._names):
            return None
        return [self._names[-back] for back in range(1, missed + 1)]


class Traffic:
    """`lanes` by a candidate's narrowest place, up to a limit; `uses` by the channel's name."""

    def __init__(self, limit: int = _LANES_LIMIT) -> None:
        self.lanes: dict[str, Lane] = {}
        self.uses: dict[str, Use] = {}
        self.wakes = Wakes()
        self._turn = 0
        self._limit = limit

    def lane(self, candidate: Candidate) -> Lane:
        return self.lanes.get(candidate.places[2]) or self._open(candidate)

    def use(self, channel: str) -> Use:
        return self.uses.get(channel) or self.uses.setdefault(channel, Use())

    def began(self, candidate: Candidate, now_s: float) -> None:
        lane = self.lanes.get(candidate.places[2]) or self._open(candidate)
        use = lane.use
        lane.in_flight += 1
        use.in_flight += 1
        lane.used_s = use.used_s = now_s
        if len(candidate.channel.credentials) > 1:
            self._turn += 1
            use.turns[candidate.credential.label] = self._turn

    def ended(self, candidate: Candidate) -> Lane:
        lane = self.lanes[candidate.places[2]]
        lane.in_flight -= 1
        lane.use.in_flight -= 1
        return lane

    def _open(self, candidate: Candidate) -> Lane:
        if len(self.lanes) >= self._limit:
            self._forget()
        use = self.use(candidate.channel.name)
        lane = self.lanes[candidate.places[2]] = use.lanes[candidate.places[2]] = Lane(candidate, use)
        return lane

    def _forget(self) -> None:
        """Where names are not declared, a client may ask for any number of them: the half that was not used for longest
        goes."""
        for lane in sorted(self.lanes.values(), key=lambda lane: lane.used_s)[: self._limit // 2]:
            if lane.in_flight == 0:
                del self.lanes[lane.place], lane.use.lanes[lane.place]
        for name, use in [*self.uses.items()]:
            models = {lane.model for lane in use.lanes.values()}
            use.first_tokens = {model: times for model, times in use.first_tokens.items() if model in models}
            use.wholes = {model: times for model, times in use.wholes.items() if model in models}
            if not use.lanes and not use.handed:
                del self.uses[name]
