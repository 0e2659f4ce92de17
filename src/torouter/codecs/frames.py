"""Cutting an answer's bytes into whole pieces that stay raw: server-sent events, and elements of a growing JSON array.

`wire.sse` reads events; here the bytes of an event matter, because taps look at few events and read fewer, and a filter
gives them on exactly as they came. Input may be cut anywhere; what is unfinished is held.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["FRAME_ENDS", "MAX_PIECE_BYTES", "ElementCutter", "FrameCutter", "PieceTooLong", "payload_of"]

MAX_PIECE_BYTES: Final = 32 * 1024 * 1024
FRAME_ENDS: Final = (b"\n\n", b"\r\n\r\n")
"""How a piece ends that is made of whole events, with the line ends that servers use."""

_BLANK_LINE: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r(?!\Z))")
"""Two line ends in a row. A CR that ends the input may be half of a CRLF, so it does not end a frame yet."""
_SEAM_BYTES: Final = 3
_DATA_LINE: Final = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])data: ?([^\r\n]*)")

# Groups are atomic and not possessive: `(?:…)*+` matches wrongly in Python before 3.11.5 (python/cpython#106052).
_RUN: Final = re.compile(rb'[^"{}\[\]]*+(?>(?:"[^"\\]*+(?>(?:\\.[^"\\]*+)*)"[^"{}\[\]]*+)*)', re.DOTALL)
"""Everything up to the next bracket, or to a string that does not end here."""
_STRING_REST: Final = re.compile(rb'[^"\\]*+(?>(?:\\.[^"\\]*+)*)', re.DOTALL)
_QUOTE: Final = 0x22
_OPENING: Final = b"{["


class PieceTooLong(Exception):
    """One piece is longer than the limit: whoever cuts gives up."""


class FrameCutter:
    """Bytes of an event stream in, whole events out, each with the blank line that ends it."""

    __slots__ = ("_has_cr", "_held", "_limit_bytes", "_searched")

    def __init__(self, limit_bytes: int = MAX_PIECE_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._held = bytearray()
        self._searched = 0
        self._has_cr = False

    def feed(self, data: bytes) -> list[bytes]:
        held = self._held
        held += data
        self._has_cr = self._has_cr or b"\r" in data
        frames: list[bytes] = []
        start = 0
        for end in self._ends(max(0, self._searched - _SEAM_BYTES)):
            frames.append(bytes(held[start:end]))
            start = end
        del held[:start]
        self._searched = len(held)
        if self._searched > self._limit_bytes:
            raise PieceTooLong
        return frames

    def _ends(self, position: int) -> list[int]:
        held = self._held
        if self._has_cr:
            return [match.end() for match in _BLANK_LINE.finditer(held, position)]
        ends: list[int] = []
        while (position := held.find(b"\n\n", position) + 2) > 1:
            ends.append(position)
        return ends

    @property
    def held_bytes(self) -> int:
        return len(self._held)

    @property
    def rest(self) -> bytes:
        """What has come of an event whose end has not."""
        return bytes(self._held)

    @property
    def is_midway(self) -> bool:
        return bool(self._held)

    def take_rest(self) -> bytes:
        rest = bytes(self._held)
        self._held.clear()
        self._searched = 0
        return rest


def payload_of(frame: bytes) -> bytes:
    """The data lines of an event, joined by LF; empty for comments and events without data."""
    lines: list[bytes] = _DATA_LINE.findall(frame)
    return lines[0] if len(lines) == 1 else b"\n".join(lines)


class ElementCutter:
    """Bytes of a JSON array in, its whole elements out. A lone object counts as an array of one. `end` is where the
    last of those elements ends in the bytes that were fed; 0: there was none."""

    __slots__ = ("_depth", "_element_depth", "_held", "_is_escaped", "_is_in_string", "_limit_bytes", "end")

    def __init__(self, limit_bytes: int = MAX_PIECE_BYTES) -> None:
        self.end = 0
        self._limit_bytes = limit_bytes
        self._held = bytearray()
        self._depth = 0
        self._element_depth = 0
        self._is_in_string = False
        self._is_escaped = False

    def feed(self, data: bytes) -> list[bytes]:
        found: list[bytes] = []
        start = position = self.end = 0
        while (position := self._next_bracket(data, position)) < len(data):
            if data[position] in _OPENING:
                if not self._element_depth:
                    self._element_depth = 2 if data[position : position + 1] == b"[" else 1
                self._depth += 1
                if self._depth == self._element_depth:
                    start = position
                position += 1
                continue
            position += 1
            if self._depth == self._element_depth:
                found.append(bytes(self._held) + data[start:position])
                self._held.clear()
                self.end = position
            self._depth -= 1
        if self._element_depth and self._depth >= self._element_depth:
            self._held += data[start:]
        if len(self._held) > self._limit_bytes:
            raise PieceTooLong
        return found

    def _next_bracket(self, data: bytes, position: int) -> int:
        """Where the next bracket outside of strings stands, or the end of the data."""
        while True:
            if self._is_in_string:
                position = self._leave_string(data, position)
            run = _RUN.match(data, position)
            position = run.end() if run else len(data)
            if self._is_in_string or position == len(data) or data[position] != _QUOTE:
                return position
            self._is_in_string = True
            position += 1

    def _leave_string(self, data: bytes, position: int) -> int:
        """Goes on inside a string that an earlier piece of data, or the last run, has left open."""
        if self._is_escaped and position < len(data):
            self._is_escaped = False
            position += 1
        rest = _STRING_REST.match(data, position)
        position = rest.end() if rest else len(data)
        if position == len(data):
            return position
        if data[position] == _QUOTE:
            self._is_in_string = False
        else:
            self._is_escaped = True  # a backslash is the last byte
        return position + 1
