"""Taps: they watch an answer's bytes for usage and for its end, and never touch them.

A dialect's own knowledge is a `Meter`, which reads one JSON event at a time. A tap finds the events in the bytes and
shows them to the meter. Every event is read, at about 1 ns a byte: one that is no JSON must not reach the client.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal, Protocol

import msgspec

from torouter.canon.usage import Usage
from torouter.codecs.codec import BrokenStream
from torouter.codecs.frames import (
    MAX_PIECE_BYTES,
    ElementCutter,
    FrameCutter,
    PieceTooLong,
    payload_of,
)
from torouter.codecs.unreadable import UNREADABLE, is_json

__all__ = ["MAX_WHOLE_BYTES", "ArrayTap", "Ending", "Meter", "SseTap", "WholeTap"]

MAX_WHOLE_BYTES: Final = 64 * 1024 * 1024
"""A whole body beyond this is not counted: holding it would cost more than knowing its usage is worth."""

Ending = Literal["none", "normal", "error"]
"""How a stream has ended so far: not at all, by the dialect's terminal marker, or by an error event."""

_NOTHING: Final = Usage()
_NAME_BYTES: Final = 128
_BEGINNINGS: Final = (b"data: ", b"event: ")


class Meter(Protocol):
    """Reads events of one dialect."""

    def read(self, event: bytes, /) -> bool:
        """One event's JSON. Is it the last that its dialect knows, behind which no figures come? Raises `UNREADABLE`
        for what is no JSON, and `BrokenStream` for an end in the middle."""
        ...

    @property
    def figures(self) -> Usage | None:
        """The latest figures, without their quality."""
        ...

    @property
    def ending(self) -> Ending: ...

    @property
    def fault(self) -> bytes:
        """The error that ended the stream, if one did."""
        ...


def _judged(meter: Meter) -> Usage:
    figures = meter.figures
    if figures is None:
        return _NOTHING
    return msgspec.structs.replace(figures, quality="reported" if meter.ending == "normal" else "partial")


class SseTap:
    """Of an event stream. A piece that is one event is not even cut: nearly all are."""

    __slots__ = ("_cutter", "_is_lost", "_is_midway", "_meter")

    def __init__(self, meter: Meter, limit_bytes: int = MAX_PIECE_BYTES) -> None:
        self._meter = meter
        self._cutter = FrameCutter(limit_bytes)
        self._is_midway = False
        self._is_lost = False

    def feed(self, data: bytes, /) -> bool:
        if self._is_midway or not data.endswith(b"\n\n"):
            return self._cut(data)
        start = data.find(b"\ndata: ", 0, _NAME_BYTES) + 7 if data.startswith(b"event: ") else 6
        if data.find(b"\n", start) != len(data) - 2 or not data.startswith(_BEGINNINGS):
            return self._cut(data)
        try:
            return self._meter.read(data[start:-2])
        except UNREADABLE as error:
            self._judge(data[start:-2], error, b"")
            return False

    def _cut(self, data: bytes) -> bool:
        if self._is_lost:
            return False
        was_midway = self._is_midway
        try:
            frames = self._cutter.feed(data)
        except PieceTooLong:
            self._is_lost = True
            self._cutter = FrameCutter()
            return False
        self._is_midway = self._cutter.is_midway
        is_last = False
        for number, frame in enumerate(frames):
            good = b"" if was_midway else b"".join(frames[:number])
            is_last = self._show(frame, good) or is_last
        return is_last

    def usage(self) -> Usage:
        self._show_rest()
        return _judged(self._meter)

    @property
    def is_finished(self) -> bool:
        self._show_rest()
        return self._meter.ending != "none"

    @property
    def fault(self) -> bytes:
        return self._meter.fault

    def _show(self, frame: bytes, good: bytes) -> bool:
        event = payload_of(frame)
        if not event:
            return False
        try:
            return self._meter.read(event)
        except BrokenStream as broken:
            raise BrokenStream(broken.code, good) from None
        except UNREADABLE as error:
            self._judge(event, error, good)
            return False

    def _show_rest(self) -> None:
        """A last event without its blank line counts if it parses, and reading an event twice changes nothing."""
        if self._is_midway:
            with suppress(BrokenStream):
                self._show(self._cutter.rest, b"")

    def _judge(self, event: bytes, error: Exception, good: bytes) -> None:
        """Of what the meter could not read: another shape, or what only some can read, is nobody's fault."""
        if not isinstance(error, msgspec.ValidationError) and not is_json(event):
            raise BrokenStream("upstream_malformed", good) from None


class ArrayTap:
    """Of a JSON array that grows: Gemini's stream without `alt=sse`."""

    __slots__ = ("_cutter", "_is_lost", "_meter")

    def __init__(self, meter: Meter, limit_bytes: int = MAX_PIECE_BYTES) -> None:
        self._meter = meter
        self._cutter = ElementCutter(limit_bytes)
        self._is_lost = False

    def feed(self, data: bytes, /) -> bool:
        if self._is_lost:
            return False
        try:
            found = self._cutter.feed(data)
        except PieceTooLong:
            self._is_lost = True
            self._cutter = ElementCutter()
            return False
        for element in found:
            with suppress(*UNREADABLE):
                self._meter.read(element)
        return False

    def usage(self) -> Usage:
        return _judged(self._meter)

    @property
    def is_finished(self) -> bool:
        return self._meter.ending != "none"

    @property
    def fault(self) -> bytes:
        return self._meter.fault


class WholeTap:
    """Of one JSON body, read when somebody asks. `figures_of` gets the body and raises `msgspec.DecodeError` if it is
    no whole JSON. With `is_json` false the answer need not be JSON (speech, a plain transcript) and counts as whole."""

    __slots__ = ("_body_bytes", "_figures_of", "_is_json", "_is_whole", "_limit_bytes", "_pieces", "_usage")

    def __init__(
        self,
        figures_of: Callable[[bytes], Usage | None],
        *,
        is_json: bool = True,
        limit_bytes: int = MAX_WHOLE_BYTES,
    ) -> None:
        self._figures_of = figures_of
        self._limit_bytes = limit_bytes
        self._is_json = is_json
        self._pieces: list[bytes] = []
        self._body_bytes = 0
        self._usage: Usage | None = None
        self._is_whole = False

    def feed(self, data: bytes, /) -> bool:
        self._usage = None
        self._body_bytes += len(data)
        if self._body_bytes <= self._limit_bytes:
            self._pieces.append(data)
        else:
            self._pieces.clear()
        return False

    def usage(self) -> Usage:
        if self._usage is None:
            self._usage = self._read()
        return self._usage

    @property
    def is_finished(self) -> bool:
        self.usage()
        return self._is_whole

    @property
    def fault(self) -> bytes:
        return b""

    def _read(self) -> Usage:
        if self._body_bytes > self._limit_bytes:
            self._is_whole = True  # not known, and a tap's ignorance is nobody's fault
            return _NOTHING
        self._is_whole = not self._is_json
        try:
            figures = self._figures_of(b"".join(self._pieces))
        except msgspec.ValidationError:
            figures = None  # JSON, but of another shape
        except UNREADABLE:
            self._is_whole = self._is_whole or is_json(b"".join(self._pieces))
            return _NOTHING
        self._is_whole = True
        if figures is None:
            return _NOTHING
        if figures.quality == "reported":
            return figures
        return msgspec.structs.replace(figures, quality="reported")
