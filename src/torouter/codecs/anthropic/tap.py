"""Usage of Messages: `message_start` first, then `message_delta`, whose fields override field by field."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import msgspec

from torouter.canon.usage import Usage
from torouter.codecs.anthropic.usage import Tally
from torouter.codecs.codec import Framing, Tap
from torouter.codecs.figures import is_given
from torouter.codecs.surrogates import lenient_decoder
from torouter.codecs.taps import Ending, SseTap, WholeTap
from torouter.codecs.unreadable import UNREADABLE
from torouter.units import Operation

__all__ = ["tap"]

_ABSENT: Final = msgspec.Raw()


class _Event(msgspec.Struct):
    type: object = None
    message: msgspec.Raw = _ABSENT
    delta: msgspec.Raw = _ABSENT
    usage: msgspec.Raw = _ABSENT


class _Message(msgspec.Struct):
    usage: msgspec.Raw = _ABSENT


class _Delta(msgspec.Struct):
    stop_reason: object = None


_read_event = lenient_decoder(_Event)
_read_message = lenient_decoder(_Message)
_read_delta = lenient_decoder(_Delta)


def tap(operation: Operation, framing: Framing) -> Tap:
    if framing == "sse":
        return SseTap(_EventMeter())
    return WholeTap(_of_body if operation == "chat" else _of_count)


def _of_body(body: bytes) -> Usage | None:
    tally = Tally()
    tally.take(_read_message(body).usage)
    return _figures(tally)


def _of_count(body: bytes) -> Usage | None:
    """A count of tokens is no use of them."""
    _read_message(body)
    return None


def _figures(tally: Tally) -> Usage | None:
    figures = tally.usage("none")
    return figures if figures.raw else None


class _EventMeter:
    __slots__ = ("_tally", "ending", "fault")

    def __init__(self) -> None:
        self._tally = Tally()
        self.ending: Ending = "none"
        self.fault = b""

    def read(self, event: bytes, /) -> bool:
        """The type is in the data: some servers leave the `event:` line out."""
        read = _read_event(event)
        if read.type == "content_block_delta":  # nearly every event
            return False
        if read.type == "error":
            self.ending, self.fault = "error", event
        elif read.type == "message_stop":
            self.ending, self.fault = "normal", b""
            return True
        else:
            with suppress(*UNREADABLE):
                self._count(read)
        return False

    def _count(self, read: _Event) -> None:
        if read.type == "message_start" and is_given(read.message):
            self._tally.take(_read_message(read.message).usage)
        elif read.type == "message_delta":
            self._tally.take(read.usage)
            if is_given(read.delta) and _read_delta(read.delta).stop_reason:
                self.ending, self.fault = "normal", b""

    @property
    def figures(self) -> Usage | None:
        return _figures(self._tally)
