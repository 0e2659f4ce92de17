"""What decoding an answer is in every dialect: bytes are cut into events' JSON, and however they end, the answer ends
exactly once.

A dialect adds what it knows: how to read one event, what its words say of the end, which parts are still open.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress

import msgspec

from torouter.canon.events import Event, Fault, Finish, Start, UsageSeen
from torouter.canon.usage import Usage
from torouter.codecs.codec import Framing
from torouter.codecs.endings import malformed
from torouter.codecs.unreadable import UNREADABLE
from torouter.errors import UpstreamError
from torouter.wire.sse import SseFramer

__all__ = ["AnswerDecoder"]


class AnswerDecoder(ABC):
    """A `codecs.codec.Decoder` but for its dialect. Methods that take `events` append to them."""

    def __init__(self, framing: Framing) -> None:
        self.framing = framing
        self.has_started = False
        self.has_ended = False
        self._framer = SseFramer()
        self._body: list[bytes] = []
        self._usage = Usage()

    @abstractmethod
    def read(self, data: bytes, events: list[Event]) -> None:
        """An event's data, or a whole body. May raise any of `UNREADABLE`."""

    @abstractmethod
    def ending(self) -> Finish | Fault:
        """The end that the upstream's own words make, now that no more will come."""

    @abstractmethod
    def end_parts(self) -> Iterable[Event]:
        """Ends the parts that are open. A part that was cut stays as it was cut."""

    def feed(self, data: bytes, /) -> list[Event]:
        events: list[Event] = []
        if self.framing == "whole":
            self._body.append(data)
            return events
        try:
            for piece in self.cut(data):
                if self.has_ended:
                    break
                self.read(piece, events)
        except UNREADABLE as error:
            self.end(_unreadable(error), events)
        except UpstreamError as error:
            self.end(Fault(kind=error.kind, message=error.message, code=error.code), events)
        return events

    def cut(self, data: bytes) -> Iterable[bytes]:
        """The data of the events that these bytes complete. A dialect that frames its streams in another way as well
        overrides this. May raise `UpstreamError`."""
        return [frame.data for frame in self._framer.feed(data)]

    def close(self) -> list[Event]:
        """A whole body is read here; so is a bare one that came in the place of a stream."""
        events: list[Event] = []
        if self.framing == "whole":
            self._whole(b"".join(self._body), events)
        else:
            self._tail(events)
            if not self.has_started:
                self._whole(self._framer.stray, events)
        self.terminate(events)
        return events

    def start(self, answer_id: str, model: str, events: list[Event]) -> None:
        self.has_started = True
        events.append(Start(id=answer_id, model=model))

    def count_usage(self, usage: Usage, events: list[Event]) -> None:
        """Figures so far, of quality `partial`: only a finish makes them the reported ones."""
        self._usage = usage
        events.append(UsageSeen(usage))

    def terminate(self, events: list[Event]) -> None:
        """The dialect's terminal marker has come, or the end of the bytes."""
        if not self.has_ended:
            self.end(self.ending(), events)

    def end(self, how: Finish | Fault, events: list[Event]) -> None:
        """The last events. Whatever else the upstream sends is not looked at."""
        if self.has_ended:
            return
        self.has_ended = True
        events += self.end_parts()
        if isinstance(how, Finish) and self._usage.quality == "partial":
            events.append(UsageSeen(msgspec.structs.replace(self._usage, quality="reported")))
        events.append(how)

    def _whole(self, body: bytes, events: list[Event]) -> None:
        if self.has_ended or not body.strip():
            return
        try:
            self.read(body, events)
        except UNREADABLE as error:
            self.end(_unreadable(error), events)

    def _tail(self, events: list[Event]) -> None:
        """An event without its blank line counts if it can be read; one that was cut says nothing."""
        for frame in self._framer.close():
            if not self.has_ended:
                with suppress(*UNREADABLE):
                    self.read(frame.data, events)


def _unreadable(error: Exception) -> Fault:
    return malformed(f"the upstream's answer cannot be read: {error}")
