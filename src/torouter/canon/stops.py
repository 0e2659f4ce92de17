"""Stop sequences that an upstream cannot be asked for, found in its answer: the answer ends in front of the first one.

Only visible text is searched, each part for itself; never what a tool is called with. Text that may be the beginning of
a stop sequence is held back until it is known, so what comes out does not depend on how the text was cut.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator

from torouter.canon.events import (
    Event,
    Fault,
    Finish,
    FinishReason,
    PartDelta,
    PartEnd,
    PartStart,
    UsageSeen,
)
from torouter.canon.logprobs import TokenLogprob

__all__ = ["StopAt"]


class StopAt:
    """Events in, events out. After a match only `UsageSeen` passes: an answer that came whole says its usage last."""

    __slots__ = ("_has_calls", "_open", "_searches", "_sequences", "_tokens", "has_matched")

    def __init__(self, sequences: tuple[str, ...]) -> None:
        """`sequences`: at least one, none of them empty."""
        self._sequences = sequences
        self._searches: dict[int, _Search] = {}
        self._tokens: dict[int, _Tokens] = {}
        self._open: dict[int, None] = {}
        self._has_calls = False
        self.has_matched = False

    def feed(self, event: Event) -> Iterator[Event]:
        if self.has_matched:
            if isinstance(event, UsageSeen):
                yield event
        elif isinstance(event, PartDelta) and event.part in self._searches:
            yield from self._said(event)
        elif isinstance(event, PartStart):
            self._open[event.part] = None
            if event.kind == "text":
                self._searches[event.part] = _Search(self._sequences)
                self._tokens[event.part] = _Tokens()
            self._has_calls = self._has_calls or event.kind == "tool_call"
            yield event
        else:
            if isinstance(event, PartEnd):
                self._open.pop(event.part, None)
                yield from self._released(event.part)
            elif isinstance(event, Fault):  # a stream that broke: its parts were not ended
                for part in tuple(self._searches):
                    yield from self._released(part)
            yield event

    def _said(self, event: PartDelta) -> Iterator[Event]:
        part, tokens = event.part, self._tokens[event.part]
        said, matched = self._searches[part].feed(event.text)
        tokens.take(event.logprobs)
        logprobs = tokens.of(said)
        if said or logprobs:
            yield PartDelta(part, said, logprobs)
        if matched is None:
            return
        self.has_matched = True
        yield from map(PartEnd, self._open)
        reason: FinishReason = "tool_calls" if self._has_calls else "stop_sequence"
        yield Finish(reason=reason, stop_sequence=None if self._has_calls else matched)

    def _released(self, part: int) -> Iterator[Event]:
        search = self._searches.pop(part, None)
        if search is None:
            return
        logprobs = self._tokens.pop(part).rest()
        if search.held or logprobs:
            yield PartDelta(part, search.held, logprobs)


class _Tokens:
    """Of a text that may be held back: they go with the text that they are of, and never further."""

    __slots__ = ("_ahead_bytes", "_held")

    def __init__(self) -> None:
        self._held: deque[TokenLogprob] = deque()
        self._ahead_bytes = 0

    def take(self, tokens: Iterable[TokenLogprob]) -> None:
        self._held.extend(tokens)

    def of(self, said: str) -> tuple[TokenLogprob, ...]:
        """Those that are whole with this text. `_ahead_bytes` is what has been said of the next one."""
        self._ahead_bytes += len(said.encode("utf-8", "surrogatepass"))
        whole: list[TokenLogprob] = []
        while self._held and self._held[0].size_bytes <= self._ahead_bytes:
            whole.append(self._held.popleft())
            self._ahead_bytes -= whole[-1].size_bytes
        return tuple(whole)

    def rest(self) -> tuple[TokenLogprob, ...]:
        return tuple(self._held)


class _Search:
    """Several stop sequences at once. The one that is whole first counts; of two that end together, the longer."""

    __slots__ = ("_beginnings", "_needles", "held")

    def __init__(self, sequences: tuple[str, ...]) -> None:
        self._needles = [_Needle(sequence) for sequence in sequences]
        self._beginnings = re.compile(f"[{re.escape(''.join(sequence[0] for sequence in sequences))}]")
        self.held = ""

    def feed(self, text: str) -> tuple[str, str | None]:
        """What may be said now, and the sequence that was found behind it."""
        if not self.held and not self._beginnings.search(text):
            return text, None
        known, text = len(self.held), self.held + text
        for position in range(known, len(text)):
            found = [needle.text for needle in self._needles if needle.ends_with(text[position])]
            if found:
                longest = max(found, key=len)
                return text[: position + 1 - len(longest)], longest
        sure = len(text) - max(needle.matched for needle in self._needles)
        self.held = text[sure:]
        return text[:sure], None


class _Needle:
    """One sequence, and with how much of it the text so far ends (Knuth, Morris and Pratt: in linear time, however
    much the text repeats itself)."""

    __slots__ = ("_borders", "matched", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.matched = 0
        self._borders = [0]
        for position in range(1, len(text)):
            self._borders.append(self._longer(self._borders[-1], text[position]))

    def ends_with(self, character: str) -> bool:
        """Is the sequence whole, with this character?"""
        self.matched = self._longer(self.matched, character)
        return self.matched == len(self.text)

    def _longer(self, matched: int, character: str) -> int:
        while matched and self.text[matched] != character:
            matched = self._borders[matched - 1]
        return matched + (self.text[matched] == character)
