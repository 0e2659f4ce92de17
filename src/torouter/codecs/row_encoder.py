"""Events into a stream that shows one part at a time, for dialects in which state stands in parts of its own.

What is on a call or on an empty text is told in front of it, as reasoning without words; so is the state of reasoning
that the client is not shown.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from msgspec.structs import replace

from torouter.canon.blocks import Blob
from torouter.canon.events import Event, PartBlob, PartDelta, PartEnd, PartKind, PartStart
from torouter.canon.serial import InARow
from torouter.codecs.answer_encoder import AnswerEncoder
from torouter.codecs.codec import AnswerOptions
from torouter.units import Dialect

__all__ = ["RowEncoder"]


class RowEncoder(AnswerEncoder):
    """An `AnswerEncoder` but for its dialect's words. Reasoning that begins with blobs is nothing but state."""

    kinds: ClassVar[frozenset[PartKind]]
    """The kinds of part that the dialect knows; others exist for their own vendor only."""

    def __init__(self, options: AnswerOptions, dialect: Dialect) -> None:
        super().__init__(options, dialect)
        self.row = InARow()
        self.dialect: Dialect = dialect
        self._hidden: set[int] = set()
        self._silent: dict[int, PartKind] = {}
        self._states = 0

    @abstractmethod
    def sign_text(self, blob: Blob) -> Iterator[Event]:
        """State of a text that has been said."""

    def sign_empty(self, blob: Blob) -> Iterator[Event]:
        """State of a text that says nothing."""
        return self.state(blob)

    def feed(self, event: Event, /) -> bytes:
        if type(event) is PartDelta and event.part == self.row.current:  # nearly every event: 6 µs less for each
            return self.say(event.part, event.text, event.logprobs)
        feed = super().feed
        return b"".join(feed(each) for arranged in self.arranged(event) for each in self.row.feed(arranged))

    def state(self, blob: Blob) -> Iterator[Event]:
        """State as a part of its own."""
        if not blob.token(self.dialect) or not self.options.takes_state:
            self.drop_state(blob)
            return
        self._states -= 1
        yield PartStart(part=self._states, kind="reasoning", blobs=(blob,))
        yield PartEnd(self._states)

    def arranged(self, event: Event) -> Iterator[Event]:
        if isinstance(event, PartStart):
            yield from self._start(event)
        elif isinstance(event, PartBlob):
            yield from self._blob(event)
        elif getattr(event, "part", None) not in self._hidden:
            if isinstance(event, PartDelta):
                self._silent.pop(event.part, None)
            yield event

    def _start(self, head: PartStart) -> Iterator[Event]:
        for blob in head.blobs:
            yield from self.state(blob)
        if head.kind not in self.kinds:
            self.drop_part(head)
            self._hidden.add(head.part)
        elif head.kind == "reasoning" and not self.options.show_reasoning:
            self._hidden.add(head.part)
        else:
            yield replace(head, blobs=()) if head.blobs else head
        if head.kind in ("text", "reasoning"):
            self._silent[head.part] = head.kind

    def _blob(self, event: PartBlob) -> Iterator[Event]:
        silent = self._silent.get(event.part)
        if silent == "text":
            yield from self.sign_empty(event.blob)
        elif silent == "reasoning" or event.part in self._hidden:
            yield from self.state(event.blob)
        elif event.part == self.row.current and self.row.kind_of(event.part) == "reasoning":
            yield event
        elif self.row.kind_of(event.part) == "reasoning":
            yield from self.state(event.blob)
        else:
            yield from self.sign_text(event.blob)
