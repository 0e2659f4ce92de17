"""Parts in a row: overlapping parts of an answer, one after the other, for clients that know one open block at a time.

Text and reasoning that are interrupted are ended, and go on as a new part when more of them comes: nothing waits for
them. A tool call cannot be split; what comes while one is open waits until it ends. Parts that never say anything are
never started, except calls and the like, which exist by being named, and state, which exists by being there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from torouter.canon.events import (
    Event,
    Fault,
    Finish,
    Lost,
    PartBlob,
    PartCited,
    PartDelta,
    PartEnd,
    PartKind,
    PartStart,
)

__all__ = ["InARow"]

_SPLITTABLE: Final[frozenset[PartKind]] = frozenset({"text", "reasoning", "refusal"})


class _Waiting:
    """A part that comes while a call is open, with what it has said so far."""

    __slots__ = ("events", "has_ended")

    def __init__(self) -> None:
        self.events: list[PartDelta | PartBlob | PartCited] = []
        self.has_ended = False


class InARow:
    """Events in, events out. Parts out are numbered 0, 1, 2 … and each is ended before the next starts, and before the
    last event, whatever that is. More text of the part `current` would pass as it is, but for its number."""

    __slots__ = ("_heads", "_next", "_number", "_shown", "_waiting", "current")

    def __init__(self) -> None:
        self._shown: set[int] = set()
        self._heads: dict[int, PartStart] = {}
        self._waiting: dict[int, _Waiting] = {}
        self.current: int | None = None
        self._number = -1
        self._next = 0

    def feed(self, event: Event) -> Iterator[Event]:
        if type(event) is PartDelta:
            if event.part == self.current:
                yield PartDelta(self._number, event.text, event.logprobs)
            else:
                yield from self._said(event.part, event)
        elif isinstance(event, PartStart):
            yield from self._began(event)
        elif isinstance(event, PartBlob | PartCited):
            yield from self._attached(event)
        elif isinstance(event, PartEnd):
            yield from self._ended(event.part)
        elif isinstance(event, Finish | Fault):
            yield from self._all_ended()
            yield event
        else:
            yield event

    def kind_of(self, part: int) -> PartKind | None:
        """Of a part that has begun and not ended."""
        head = self._heads.get(part)
        return None if head is None else head.kind

    def _began(self, head: PartStart) -> Iterator[Event]:
        self._heads[head.part] = head
        if head.kind in _SPLITTABLE and not head.blobs:
            return
        if self._is_blocked():
            self._waiting[head.part] = _Waiting()
        else:
            yield from self._switch_to(head.part)

    def _said(self, part: int, event: PartDelta | PartBlob | PartCited) -> Iterator[Event]:
        if part not in self._heads:
            return  # something after the end of its part: no client could place it
        if part != self.current and self._is_blocked():
            self._waiting.setdefault(part, _Waiting()).events.append(event)
            return
        if part != self.current:
            if isinstance(event, PartDelta) and not event.text:
                yield Lost("logprobs", "they came after the text that they belong to had been interrupted")
                return
            yield from self._switch_to(part)
        yield msgspec.structs.replace(event, part=self._number)

    def _attached(self, event: PartBlob | PartCited) -> Iterator[Event]:
        """A signature or a citation belongs to text that has been shown: it never opens a part that was interrupted."""
        head = self._heads.get(event.part)
        if head is not None and head.kind in _SPLITTABLE and event.part in self._shown and event.part != self.current:
            field = "signature" if isinstance(event, PartBlob) else "citations"
            yield Lost(field, "it came after the text that it belongs to had been interrupted")
            return
        yield from self._said(event.part, event)

    def _ended(self, part: int) -> Iterator[Event]:
        if part == self.current:
            yield from self._close()
            self._heads.pop(part)
            yield from self._drain()
        elif part in self._waiting:
            self._waiting[part].has_ended = True
        else:
            self._heads.pop(part, None)

    def _drain(self) -> Iterator[Event]:
        """What waited, in the order in which it came, until a call is open again that has not ended."""
        while self._waiting and not self._is_blocked():
            part = next(iter(self._waiting))
            waited = self._waiting.pop(part)
            yield from self._switch_to(part)
            for event in waited.events:
                yield msgspec.structs.replace(event, part=self._number)
            if waited.has_ended:
                yield from self._close()
                self._heads.pop(part)

    def _all_ended(self) -> Iterator[Event]:
        for waited in self._waiting.values():
            waited.has_ended = True
        yield from self._close()
        yield from self._drain()

    def _is_blocked(self) -> bool:
        return self.current is not None and self._heads[self.current].kind not in _SPLITTABLE

    def _switch_to(self, part: int) -> Iterator[Event]:
        yield from self._close()
        self.current, self._number = part, self._next
        self._shown.add(part)
        self._next += 1
        yield msgspec.structs.replace(self._heads[part], part=self._number)

    def _close(self) -> Iterator[Event]:
        if self.current is not None:
            yield PartEnd(self._number)
            self.current = None
