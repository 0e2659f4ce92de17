"""An answer that broke off, gone on with by another one to the same request, if that one says the same so far.

What the client has been given is compared with what comes, block by block: kind, text, a call's name and arguments,
state. Nothing of the second answer is given on before all of the first has been found in it; at the first difference it
has `Diverged`. Two answers are never spliced.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from torouter.canon.blocks import Blob, Citation
from torouter.canon.events import (
    Event,
    Fault,
    Finish,
    Keepalive,
    PartBlob,
    PartCited,
    PartDelta,
    PartEnd,
    PartStart,
    Start,
    UsageSeen,
)
from torouter.canon.logprobs import TokenLogprob

__all__ = ["Diverged", "Given", "Resuming"]

_SPEECH = ("text", "reasoning")
"""Kinds of parts that may turn out to say nothing. Whether one was begun is no difference."""


class Diverged(Exception):
    """The second answer is another one."""


class _Part:
    """Of what was given: one that said nothing may be missing in the second answer."""

    __slots__ = ("blobs", "cited", "head", "is_ended", "pieces", "text")

    def __init__(self, head: PartStart) -> None:
        self.head = head
        self.pieces: list[str] = []
        self.text = ""
        self.blobs: list[Blob] = []
        self.cited: list[Citation] = []
        self.is_ended = False

    @property
    def is_silent(self) -> bool:
        return self.head.kind in _SPEECH and not (self.text or self.blobs or self.cited or self.head.blobs)


class Given:
    """Keeps what a client has been given. Kept only where a policy wants it compared: it holds the text once more."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}

    def feed(self, event: Event) -> None:
        if type(event) is PartDelta:  # nearly every event
            self._parts[event.part].pieces.append(event.text)
        elif isinstance(event, PartStart):
            self._parts[event.part] = _Part(event)
        elif isinstance(event, PartBlob):
            self._parts[event.part].blobs.append(event.blob)
        elif isinstance(event, PartCited):
            self._parts[event.part].cited.append(event.citation)
        elif isinstance(event, PartEnd):
            self._parts[event.part].is_ended = True

    def parts(self) -> list[_Part]:
        """In the order in which they began."""
        for part in self._parts.values():
            part.text = "".join(part.pieces)
            part.pieces = [part.text]
        return list(self._parts.values())

    def bare(self) -> Iterable[PartStart | PartDelta | PartEnd]:
        """What was said, without state: for those who go on watching, and must know what was said before."""
        for part in self.parts():
            yield replace(part.head, blobs=())
            if part.text:
                yield PartDelta(part.head.part, part.text)
            if part.is_ended:
                yield PartEnd(part.head.part)


class _Match:
    """A part of the second answer. `twin` is what was given of it, if anything was; `number` is the client's."""

    __slots__ = ("blobs", "cited", "number", "said", "twin")

    def __init__(self, number: int, twin: _Part | None) -> None:
        self.number = number
        self.twin = twin
        self.said = self.blobs = self.cited = 0

    @property
    def is_whole(self) -> bool:
        twin = self.twin
        if twin is None:
            return True
        counts = self.said, self.blobs, self.cited
        return counts == (len(twin.text), len(twin.blobs), len(twin.cited))


class Resuming:
    """Events of the second answer in; out comes what the client has not been given yet, in the numbers and with the
    ids of the first. `feed` raises `Diverged`."""

    __slots__ = ("_given", "_matches", "_next", "_number", "_out", "_waiting")

    def __init__(self, given: Given) -> None:
        self._given = given.parts()
        self._next = 0
        self._number = max((part.head.part for part in self._given), default=-1) + 1
        self._matches: dict[int, _Match] = {}
        self._waiting: dict[int, PartStart] = {}
        self._out: list[Event] = []

    def feed(self, event: Event) -> list[Event]:
        if isinstance(event, PartStart):
            self._began(event)
        elif isinstance(event, PartDelta):
            self._said(event)
        elif isinstance(event, PartBlob):
            self._state(event)
        elif isinstance(event, PartCited):
            self._cited(event)
        elif isinstance(event, PartEnd):
            self._ended(event.part)
        elif isinstance(event, Finish):
            self._finished(event)
        elif isinstance(event, UsageSeen | Keepalive | Fault):
            return [*self._released(), event]
        elif not isinstance(event, Start):  # the client knows the answer by the first one's id
            self._out.append(event)
        return self._released()

    @property
    def _is_caught_up(self) -> bool:
        rest = self._given[self._next :]
        return all(part.is_silent for part in rest) and all(match.is_whole for match in self._matches.values())

    def _released(self) -> list[Event]:
        if not self._out or not self._is_caught_up:
            return []
        out, self._out = self._out, []
        return out

    # Parts

    def _began(self, head: PartStart) -> None:
        if head.kind in _SPEECH and not head.blobs:
            self._waiting[head.part] = head  # it may say nothing
        else:
            self._place(head)

    def _place(self, head: PartStart) -> _Match:
        twin = self._twin(head)
        if twin is None:
            match = _Match(self._number, None)
            self._number += 1
            self._out.append(replace(head, part=match.number))
        else:
            match = _Match(twin.head.part, twin)
            self._compare(twin.head, head)
        self._matches[head.part] = match
        return match

    def _twin(self, head: PartStart) -> _Part | None:
        """The next of those given; those that said nothing are passed over, and ended."""
        while self._next < len(self._given):
            part = self._given[self._next]
            self._next += 1
            if part.head.kind == head.kind or not part.is_silent:
                return part
            self._end(part)
        return None

    def _compare(self, first: PartStart, second: PartStart) -> None:
        said = ("kind", "name", "call_kind", "namespace", "vendor_kind", "raw", "is_wrapped")
        if any(getattr(first, name) != getattr(second, name) for name in said):
            raise Diverged
        if list(map(_state_of, first.blobs)) != list(map(_state_of, second.blobs)):
            raise Diverged

    def _match(self, part: int) -> _Match:
        """That of a part that says something."""
        head = self._waiting.pop(part, None)
        return self._matches[part] if head is None else self._place(head)

    def _said(self, event: PartDelta) -> None:
        if not event.text and event.part in self._waiting:
            return
        match = self._match(event.part)
        twin, text = match.twin, event.text
        known = 0 if twin is None else min(len(text), len(twin.text) - match.said)
        if twin is not None and known:
            if not twin.text.startswith(text[:known], match.said):
                raise Diverged
            match.said += known
        if known < len(text) or (not text and match.twin is None):
            self._may_go_on(twin)
            logprobs = _behind(event.logprobs, text[:known])
            self._out.append(PartDelta(match.number, text[known:], logprobs))

    def _state(self, event: PartBlob) -> None:
        match = self._match(event.part)
        twin = match.twin
        if twin is None or match.blobs >= len(twin.blobs):
            self._may_go_on(twin)
            self._out.append(PartBlob(match.number, event.blob))
        elif _state_of(twin.blobs[match.blobs]) != _state_of(event.blob):
            raise Diverged
        else:
            match.blobs += 1

    def _cited(self, event: PartCited) -> None:
        match = self._match(event.part)
        twin = match.twin
        if twin is None or match.cited >= len(twin.cited):
            self._may_go_on(twin)
            self._out.append(PartCited(match.number, event.citation))
        elif _source_of(twin.cited[match.cited]) != _source_of(event.citation):
            raise Diverged
        else:
            match.cited += 1

    def _may_go_on(self, twin: _Part | None) -> None:
        """Not a part whose end the client has been told."""
        if twin is not None and twin.is_ended:
            raise Diverged

    def _ended(self, part: int) -> None:
        if self._waiting.pop(part, None) is not None:
            return
        match = self._matches[part]
        if not match.is_whole:
            raise Diverged
        if match.twin is None:
            self._out.append(PartEnd(match.number))
        else:
            self._end(match.twin)

    def _end(self, part: _Part) -> None:
        if not part.is_ended:
            part.is_ended = True
            self._out.append(PartEnd(part.head.part))

    def _finished(self, finish: Finish) -> None:
        if not self._is_caught_up:
            raise Diverged
        for part in self._given[self._next :]:
            self._end(part)
        self._out.append(finish)


def _state_of(blob: Blob) -> tuple[str, str, str]:
    return blob.kind, blob.data, blob.origin.dialect


def _source_of(citation: Citation) -> tuple[object, ...]:
    return citation.url, citation.title, citation.cited_text, citation.start, citation.end, citation.unit


def _behind(tokens: tuple[TokenLogprob, ...], known: str) -> tuple[TokenLogprob, ...]:
    """Log probabilities of what is behind the text that was known. A token that lies across is left out."""
    if not tokens or not known:
        return tokens
    left_bytes = len(known.encode("utf-8", "surrogatepass"))
    for number, token in enumerate(tokens):
        if left_bytes <= 0:
            return tokens[number:]
        left_bytes -= token.size_bytes
    return ()
