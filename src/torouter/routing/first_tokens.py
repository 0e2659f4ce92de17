"""How long a model lets wait: the last answers, not all of them."""

from __future__ import annotations

from typing import Final

__all__ = ["FirstTokens"]

_KEPT: Final = 128
_ENOUGH: Final = 20
_RENEWED_AFTER: Final = 8


class FirstTokens:
    """Seconds from the request to the first meaningful event of a stream, or to a whole answer: never both in one."""

    __slots__ = ("_next", "_seconds", "_slow_s", "_until_renewed")

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._next = 0
        self._slow_s: float | None = None
        self._until_renewed = 0

    def add(self, seconds: float) -> None:
        if len(self._seconds) < _KEPT:
            self._seconds.append(seconds)
        else:
            self._seconds[self._next] = seconds
            self._next = (self._next + 1) % _KEPT
        self._until_renewed -= 1

    def quantile(self, share: float) -> float | None:
        """So much of the sample is not above it; `None` without any."""
        if not self._seconds:
            return None
        ordered = sorted(self._seconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    def slow_s(self) -> float | None:
        """Of 100 answers 95 came sooner; `None` where too few are known. Renewed now and then: asked at each request
        that may be hedged."""
        if len(self._seconds) < _ENOUGH:
            return None
        if self._until_renewed <= 0:
            self._slow_s = self.quantile(0.95)
            self._until_renewed = _RENEWED_AFTER
        return self._slow_s
