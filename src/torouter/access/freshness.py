"""How old what a process knows may get before it stops going by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

__all__ = ["LEASE_S", "Freshness", "WhenAway"]

LEASE_S: Final = 6.0
"""A process that has not said for so long that it lives is waited for no longer when something is edited."""
_MARGIN_S: Final = 1.0

WhenAway = Literal["serve", "refuse"]


class Freshness:
    """`clock` is monotonic seconds. Whoever refuses does so before an edit could be told to be in force without it, so
    sooner than `LEASE_S`, however long `stale_s` is."""

    __slots__ = ("_clock", "_may_refuse", "_seen_s", "_stale_s")

    def __init__(self, clock: Callable[[], float], stale_s: float, when_away: WhenAway) -> None:
        self._clock = clock
        self._may_refuse = when_away == "refuse"
        self._stale_s = min(stale_s, LEASE_S - _MARGIN_S) if self._may_refuse else stale_s
        self._seen_s = clock()

    def renew(self, at_s: float) -> None:
        """The store told that it was read at that time, and this process that it lives."""
        self._seen_s = at_s

    @property
    def is_stale(self) -> bool:
        return self._clock() - self._seen_s > self._stale_s

    @property
    def is_refusing(self) -> bool:
        return self._may_refuse and self.is_stale
