"""Counts over a window that slides, kept in slots of time, of which only those with something in them take memory.

A slot counts until all of it has left the window, so that never more than the limit fits into any true window; what
that costs is at most one slot's length on top of the window's, less than 1 %.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Final, NamedTuple

from torouter.ledger.meters.meters import WindowName

__all__ = ["SPANS", "Sliding", "Span", "in_slots"]

_MINUTE_MS: Final = 60_000


class Span(NamedTuple):
    slot_ms: int
    slots: int

    @property
    def window_ms(self) -> int:
        return self.slot_ms * self.slots


SPANS: Final[dict[WindowName, Span]] = {
    "1m": Span(500, 120),
    "5h": Span(60_000, 300),
    "1d": Span(300_000, 288),
    "7d": Span(1_800_000, 336),
}


class Sliding:
    """Amortised O(1): a slot is entered once and forgotten once. Time that runs backwards stands still here."""

    __slots__ = ("_first", "_slots", "_span", "total")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._slots = array("q")
        """Slot, count, slot, count …, in order of time; those before `_first` are forgotten."""
        self._first = 0
        self.total = 0

    def slide(self, now_ms: int) -> int:
        """Forgets what has left the window; the total of what is left."""
        slots, first = self._slots, self._first
        oldest = now_ms // self._span.slot_ms - self._span.slots
        if first >= len(slots) or slots[first] >= oldest:
            return self.total
        end = len(slots)
        while first < end and slots[first] < oldest:
            self.total -= slots[first + 1]
            first += 2
        if first * 2 >= end:
            del slots[:first]
            first = 0
        self._first = first
        return self.total

    def add(self, now_ms: int, count: int) -> None:
        slots = self._slots
        slot = now_ms // self._span.slot_ms
        if len(slots) > self._first and slots[-2] >= slot:
            slots[-1] += count
        else:
            slots.append(slot)
            slots.append(count)
        self.total += count

    def correct(self, at_ms: int, change: int) -> None:
        """Changes the count of the slot that `at_ms` lies in, if it is still there."""
        slot = at_ms // self._span.slot_ms
        slots = self._slots
        for at in range(len(slots) - 2, self._first - 1, -2):
            if slots[at] <= slot:
                if slots[at] == slot:
                    slots[at + 1] += change
                    self.total += change
                return

    def wait_ms(self, now_ms: int, room: int) -> int | None:
        """How long until the total is `room` or less; `None`: never."""
        left, slots, span = self.total, self._slots, self._span
        for at in range(self._first, len(slots), 2):
            left -= slots[at + 1]
            if left <= room:
                return (slots[at] + span.slots + 1) * span.slot_ms - now_ms
        return None


def in_slots(minutes: Mapping[int, int], span: Span) -> dict[int, int]:
    """Counts by minute of the epoch as counts by slot, in order. Slots are whole minutes long."""
    found: dict[int, int] = {}
    for minute in sorted(minutes):
        slot = minute * _MINUTE_MS // span.slot_ms
        found[slot] = found.get(slot, 0) + minutes[minute]
    return found
