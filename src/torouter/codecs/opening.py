"""The beginning of a streamed answer: has it said anything yet, or has it failed before it did?

Until it has, nothing is given to the client, so that another channel can still be asked. What counts as saying is text,
reasoning, a refusal, a call, media, or the end of the answer; not a role, an id, an empty block, a comment or a ping.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from torouter.codecs.frames import ElementCutter, FrameCutter, PieceTooLong, payload_of
from torouter.codecs.unreadable import UNREADABLE, is_json

__all__ = ["OPENING_BYTES", "Opened", "Opening", "Opens", "says"]

OPENING_BYTES: Final = 64 * 1024
"""How much is held while nothing has been said: then the client gets it as it is."""

Opened = Literal["nothing", "something", "end"]
"""What an event says. `end` is a dialect's terminator, which says nothing of its own."""
Opens = Callable[[bytes], Opened | bytes]
"""A dialect's reading of one event's JSON; bytes are the error that it is, as `read_error` reads it. Raises
`UNREADABLE`."""
Found = Literal["nothing", "something", "error", "malformed"]

_QUIET: Final = frozenset({"id", "call_id", "type", "role", "status", "object", "index", "phase"})
"""Fields that every block has, said or not."""
_LINE: Final = re.compile(rb"(?:\xef\xbb\xbf)?[A-Za-z_-]*(?::|\Z)")
"""A comment, or a field that an event stream may have."""
_ONE_EVENT: Final = re.compile(rb"(?:event: [^\r\n]*\n)?data: ([^\r\n]*)\n\n\Z")


def says(value: object) -> bool:
    """Is there any text in it, beside what names and places it?"""
    if isinstance(value, str):
        return bool(value)
    if isinstance(value, dict):
        return any(says(each) for name, each in value.items() if name not in _QUIET)
    return isinstance(value, list) and any(map(says, value))


class Opening:
    """Takes pieces: of an event stream whole events, of an array bytes cut anywhere. After `something` it is not asked
    again. `fault` is what it found in the place of an answer, as JSON."""

    __slots__ = ("_cutter", "_opens", "fault", "has_events")

    def __init__(self, opens: Opens, *, is_array: bool) -> None:
        self._opens = opens
        self._cutter = ElementCutter() if is_array else None
        self.fault = b""
        self.has_events = False
        """Has anything come but comments and terminators?"""

    def feed(self, data: bytes) -> Found:
        if self._cutter is None and (only := _ONE_EVENT.match(data)) is not None:
            return self._read(only[1])
        try:
            pieces = FrameCutter().feed(data) if self._cutter is None else self._cutter.feed(data)
        except PieceTooLong:
            return "nothing"
        found: Found = "nothing"
        for piece in pieces:
            found = self._piece(piece) if self._cutter is None else self._read(piece)
            if found != "nothing":
                break
        return found

    def rest(self, data: bytes) -> Found:
        """What is left when the bytes have ended: an event without its blank line, or no event at all."""
        if self._cutter is None:
            return self._piece(data)
        is_array = data.lstrip()[:1] in (b"", b"[", b"{")
        return "nothing" if is_array or self.has_events else "malformed"

    def _piece(self, frame: bytes) -> Found:
        event = payload_of(frame)
        if event:
            return self._read(event)
        if all(map(_LINE.match, frame.splitlines())):
            return "nothing"
        return self._read(frame) if frame.lstrip()[:1] in (b"{", b"[") else "malformed"

    def _read(self, event: bytes) -> Found:
        try:
            opened = self._opens(event)
        except msgspec.ValidationError:
            opened = "nothing"  # JSON of another shape: what a vendor added last week
        except UNREADABLE:
            if not is_json(event):
                return "malformed"
            opened = "nothing"
        if isinstance(opened, bytes):
            self.fault = opened
            return "error"
        self.has_events = self.has_events or opened != "end"
        return "something" if opened == "something" else "nothing"
