"""Whole events out of bytes cut anywhere: half an event that a client had been given could not be taken back, and would
be read as a whole one once an error follows. Of an array likewise, and its end not before all of it is known good.
"""

from __future__ import annotations

from typing import Final

from torouter.codecs import OPENING_BYTES, ElementCutter, FrameCutter, PieceTooLong

__all__ = ["EVENT_ENDS", "WholeElements", "WholeEvents"]

EVENT_ENDS: Final = (b"\n\n", b"\r\n\r\n")


class WholeEvents:
    """An event that is larger than `OPENING_BYTES` (an image) is given as it comes: then it is `is_torn` until it
    ends."""

    __slots__ = ("_cutter", "is_torn")

    def __init__(self) -> None:
        self._cutter = FrameCutter()
        self.is_torn = False

    @property
    def is_midway(self) -> bool:
        return self._cutter.is_midway or self.is_torn

    def feed(self, data: bytes) -> bytes:
        frames = self._cutter.feed(data)
        if frames:
            self.is_torn = False
        if self._cutter.held_bytes > OPENING_BYTES:
            self.is_torn = True
            frames.append(self._cutter.take_rest())
        return b"".join(frames)

    def rest(self) -> bytes:
        return self._cutter.take_rest()


class WholeElements:
    """The same of an array: what stands behind its last whole element is kept: half of the next, or the bracket."""

    __slots__ = ("_cutter", "_held", "is_torn")

    def __init__(self) -> None:
        self._cutter: ElementCutter | None = ElementCutter()
        self._held = bytearray()
        self.is_torn = False

    @property
    def is_midway(self) -> bool:
        return True

    def feed(self, data: bytes) -> bytes:
        self._held += data
        if self._cutter is None:
            return self.rest()
        try:
            self._cutter.feed(data)
        except PieceTooLong:
            self._cutter = None
            return self.rest()
        given_bytes = 0
        if self._cutter.end:
            self.is_torn = False
            given_bytes = len(self._held) - len(data) + self._cutter.end
        if len(self._held) - given_bytes > OPENING_BYTES:
            self.is_torn = True
            given_bytes = len(self._held)
        given = bytes(self._held[:given_bytes])
        del self._held[:given_bytes]
        return given

    def rest(self) -> bytes:
        rest = bytes(self._held)
        self._held.clear()
        return rest
