"""A turn that its upstream gives in several answers, because it pauses in between, as the events of one answer."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from torouter.canon.events import (
    Event,
    Finish,
    PartBlob,
    PartCited,
    PartDelta,
    PartEnd,
    PartStart,
    Start,
    UsageSeen,
)
from torouter.canon.fold import Answer, Fold
from torouter.canon.usage import Usage
from torouter.units import Dialect

__all__ = ["Joining"]


class Joining:
    """Events in, events out. An answer that ends in a pause has no end here: it is `paused`, until either the next one
    begins (`go_on`) or its own end is given after all (`give_up`). Usage is the sum of all. `keeps_blocks`: what is
    paused has to hold all that was said, which is kept for that, in memory."""

    __slots__ = (
        "_before",
        "_dialect",
        "_end",
        "_first",
        "_fold",
        "_is_first",
        "_keeps_blocks",
        "_last",
        "_next",
        "_usage",
        "paused",
    )

    def __init__(self, dialect: Dialect, *, keeps_blocks: bool) -> None:
        self._dialect: Dialect = dialect
        self._keeps_blocks = keeps_blocks
        self._fold = Fold(dialect)
        self._is_first = True
        self._first = self._next = 0
        self._before = self._usage = self._last = Usage()
        self._end: Finish | None = None
        self.paused: Answer | None = None

    def feed(self, events: Iterable[Event]) -> list[Event]:
        out: list[Event] = []
        for event in events:
            if self._keeps_blocks:
                self._fold.feed(event)
            if type(event) is PartDelta and self._is_first:  # nearly every event
                out.append(event)
            elif (joined := self._joined(event)) is not None:
                out.append(joined)
        return out

    def go_on(self) -> None:
        self.paused = self._end = None
        self._fold = Fold(self._dialect)
        self._is_first = False
        self._first, self._before = self._next, self._usage

    def give_up(self) -> list[Event]:
        self.paused = None
        return [] if self._end is None else [self._end]

    def _joined(self, event: Event) -> Event | None:
        if isinstance(event, PartStart):
            self._next = max(self._next, self._first + event.part + 1)
        if isinstance(event, Finish) and event.reason == "pause":
            answer = self._fold.answer()
            self._end, self.paused = event, replace(answer, finish=event, usage=self._last)
            return None
        if isinstance(event, UsageSeen):
            self._last = event.usage
            self._usage = _sum(self._before, event.usage)
            return UsageSeen(self._usage)
        if self._is_first:
            return event
        if isinstance(event, PartDelta | PartStart | PartBlob | PartCited | PartEnd):
            return replace(event, part=self._first + event.part)
        return None if isinstance(event, Start) else event


def _sum(before: Usage, last: Usage) -> Usage:
    """`quality` and `raw` are the last one's."""
    counters = [name for name in Usage.__struct_fields__ if isinstance(getattr(last, name), int)]
    return replace(last, **{name: getattr(before, name) + getattr(last, name) for name in counters})
