"""How channels and credentials fare: which of them are left alone for a while after a failure. Monotonic seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from torouter.routing.snapshot import Candidate

__all__ = ["Blame", "Health", "HealthReport", "Note", "State"]

Blame = Literal["nobody", "credential", "model", "channel"]
"""What a failed attempt speaks against: a credential at any model; a model at one credential; the whole channel."""

State = Literal["closed", "open", "half-open"]
"""Asked as usual; left alone; asked by one request at a time, to see whether it has recovered."""


class Note(msgspec.Struct, frozen=True):
    """Something opened, or closed again (`left_s` 0). `credential` and `model` are empty where the blame is wider."""

    channel: str
    credential: str
    model: str
    blame: Blame
    failures: int
    left_s: float
    is_told: bool


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """How one model fares at one credential of a channel. `requests` and `failure_ratio` are of the last 60 s; `left_s`
    is until it may be asked; `is_told`: the upstream itself said when."""

    channel: str
    credential: str
    model: str
    state: State
    left_s: float
    is_told: bool
    failures_in_row: int
    failure_ratio: float
    requests: int
    first_token_p50_s: float | None
    first_token_p95_s: float | None


_FIRST_S: Final = 2.0
_LONGEST_S: Final = 60.0
_LONGEST_TOLD_S: Final = 3600.0


class Health:
    """A failure cools what it speaks against for 2 s, doubled with each further failure in a row up to 60 s, or for
    what the upstream's `Retry-After` says (an hour at most). A success ends it."""

    def __init__(self) -> None:
        self._until_s: dict[tuple[str, ...], float] = {}
        self._failures: dict[tuple[str, ...], int] = {}
        self.on_note: Callable[[Note], None] | None = None

    def reports(self, now_s: float) -> list[HealthReport]:
        """One for each model at each credential that was asked."""
        return []

    def learn(self, note: Note, now_s: float) -> None:
        """What another process noticed. Never calls `on_note`."""

    def is_cooling(self, candidate: Candidate, now_s: float) -> bool:
        return any(self._until_s.get(place, 0.0) > now_s for place in _places(candidate))

    def failed(
        self,
        candidate: Candidate,
        blame: Blame,
        now_s: float,
        retry_after_s: float | None,
        *,
        is_sudden: bool = True,
    ) -> None:
        if blame == "nobody":
            return
        place = _places(candidate)[("channel", "credential", "model").index(blame)]
        count = self._failures[place] = self._failures.get(place, 0) + 1
        grown_s = min(_FIRST_S * 2 ** min(count - 1, 8), _LONGEST_S)
        told_s = min(retry_after_s, _LONGEST_TOLD_S) if retry_after_s is not None else grown_s
        self._until_s[place] = now_s + told_s

    def succeeded(self, candidate: Candidate, now_s: float, first_token_s: float | None) -> None:
        """`first_token_s` is how long the answer let wait for its first meaningful event; `None` if it was whole."""
        for place in _places(candidate):
            if place in self._failures:
                del self._failures[place]
                self._until_s.pop(place, None)


def _places(candidate: Candidate) -> tuple[tuple[str, ...], ...]:
    channel, credential = candidate.channel.name, candidate.credential.label
    return (channel,), (channel, credential), (channel, credential, candidate.upstream_model)
