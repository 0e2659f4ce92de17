"""How channels and credentials fare: which of them are left alone for a while after a failure. Monotonic seconds."""

from __future__ import annotations

from typing import Final, Literal

from torouter.routing.snapshot import Candidate

__all__ = ["Blame", "Health"]

Blame = Literal["nobody", "credential", "model", "channel"]
"""What a failed attempt speaks against: a credential at any model; a model at one credential; the whole channel."""

_FIRST_S: Final = 2.0
_LONGEST_S: Final = 60.0
_LONGEST_TOLD_S: Final = 3600.0


class Health:
    """A failure cools what it speaks against for 2 s, doubled with each further failure in a row up to 60 s, or for
    what the upstream's `Retry-After` says (an hour at most). A success ends it."""

    def __init__(self) -> None:
        self._until_s: dict[tuple[str, ...], float] = {}
        self._failures: dict[tuple[str, ...], int] = {}

    def is_cooling(self, candidate: Candidate, now_s: float) -> bool:
        return any(self._until_s.get(place, 0.0) > now_s for place in _places(candidate))

    def failed(self, candidate: Candidate, blame: Blame, now_s: float, retry_after_s: float | None) -> None:
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
