"""Whole events out of bytes cut anywhere: half an event that a client had been given could not be taken back, and would
be read as a whole one once an error follows."""

from __future__ import annotations

from typing import Final

from torouter.codecs import OPENING_BYTES, FrameCutter

__all__ = ["EVENT_ENDS", "WholeEvents"]

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
