"""How often something happened lately. Counted in slots, so an event costs one addition."""

from __future__ import annotations

from typing import Final

__all__ = ["Window"]

_SLOTS: Final = 6
_SLOT_S: Final = 10.0


class Window:
    """The last 60 s, of which the oldest slot of ten may be gone already. Times come from one monotonic clock."""

    __slots__ = ("_counts", "_slot")

    def __init__(self) -> None:
        self._slot = 0
        self._counts = [0] * _SLOTS

    def add(self, now_s: float) -> None:
        slot = int(now_s / _SLOT_S)
        if slot > self._slot:
            self._turn(slot)
        self._counts[self._slot % _SLOTS] += 1

    def count(self, now_s: float) -> int:
        self._turn(int(now_s / _SLOT_S))
        return sum(self._counts)

    def clear(self) -> None:
        self._counts = [0] * _SLOTS

    def _turn(self, slot: int) -> None:
        for passed in range(max(self._slot, slot - _SLOTS) + 1, slot + 1):
            self._counts[passed % _SLOTS] = 0
        self._slot = max(self._slot, slot)
