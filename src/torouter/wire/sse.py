"""Server-sent events, framed on bytes: `text/event-stream` in, one `Frame` per event out.

Lines end at LF, CRLF or CR and at nothing else: text line iterators also split on U+2028 and its kin, which JSON
strings may hold. Input may be cut anywhere, between a CR and its LF too. Comments, `id:`, `retry:` and unknown fields
say nothing. WHATWG HTML, section 9.2.6.
"""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.errors import UpstreamError

__all__ = ["MAX_FRAME_BYTES", "Frame", "SseFramer"]

MAX_FRAME_BYTES: Final = 32 * 1024 * 1024
"""A frame may hold a whole generated image; beyond this an upstream is broken or hostile."""
_MAX_STRAY_BYTES: Final = 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"


class Frame(msgspec.Struct, frozen=True):
    """One event. `event` is its name, empty if it had none; `data` its data lines, joined by LF."""

    event: bytes
    data: bytes


class SseFramer:
    """Takes bytes cut anywhere. Raises `UpstreamError` (phase `stream`) for a frame over `limit_bytes`.

    `stray` holds lines since the last event that are no event stream's: upstreams answer 200 with bare JSON.
    """

    __slots__ = ("_data", "_event", "_held_bytes", "_is_at_start", "_is_cr_last", "_limit_bytes", "_partial", "stray")

    def __init__(self, limit_bytes: int = MAX_FRAME_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._partial: list[bytes] = []
        self._data: list[bytes] = []
        self._event = b""
        self._held_bytes = 0
        self._is_at_start = True
        self._is_cr_last = False
        self.stray = b""

    def feed(self, data: bytes, /) -> list[Frame]:
        """The events that these bytes complete."""
        if not (self._partial or self._data or self._event or self._is_cr_last or len(data) > self._limit_bytes):
            frame = _only_event(data)
            if frame is not None:
                self._is_at_start = False
                self.stray = b""
                return [frame]
        if self._is_cr_last and data:
            self._is_cr_last = False
            if data[:1] == b"\n":  # the second half of a CRLF whose CR has ended the line already
                data = data[1:]
        if b"\r" in data:
            self._is_cr_last = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first, *rest = data.split(b"\n")
        self._hold(first)
        if not rest:
            return []
        frames: list[Frame] = []
        line = self._take_line()
        for following in rest:
            self._line(line, frames)
            line = following
        self._hold(line)
        return frames

    def close(self) -> list[Frame]:
        """The event that the end of input left without its blank line, if any: it counts only if its data parse."""
        frames: list[Frame] = []
        line = self._take_line()
        if line:
            self._line(line, frames)
        self._dispatch(frames)
        return frames

    def _hold(self, piece: bytes) -> None:
        if piece:
            self._partial.append(piece)
            self._grow(len(piece))

    def _take_line(self) -> bytes:
        line = self._partial[0] if len(self._partial) == 1 else b"".join(self._partial)
        self._partial.clear()
        self._held_bytes -= len(line)
        if self._is_at_start:
            self._is_at_start = False
            return line.removeprefix(_BOM)
        return line

    def _line(self, line: bytes, frames: list[Frame]) -> None:
        if not line:
            self._dispatch(frames)
            return
        name, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if name == b"data":
            self._data.append(value)
            self._grow(len(value))
        elif name == b"event":
            self._event = value
        elif name[:1] in (b"{", b"[", b"<", b" ", b"\t", b"}", b"]", b'"') and len(self.stray) < _MAX_STRAY_BYTES:
            self.stray += line + b"\n"

    def _dispatch(self, frames: list[Frame]) -> None:
        """A blank line ends an event; one without data is none, but its name does not spill into the next."""
        data, event = self._data, self._event
        self._event = b""
        if not data:
            return
        frames.append(Frame(event, data[0] if len(data) == 1 else b"\n".join(data)))
        self._data = []
        self._held_bytes = 0
        self.stray = b""

    def _grow(self, body_bytes: int) -> None:
        self._held_bytes += body_bytes
        if self._held_bytes > self._limit_bytes:
            raise UpstreamError(
                f"the upstream sent a single server-sent event of more than {self._limit_bytes} bytes",
                phase="stream",
                code="upstream_malformed",
            )


def _only_event(data: bytes) -> Frame | None:
    """The event of bytes that are one event as servers write it, as most chunks are, or `None`."""
    if data.endswith(b"\n\n"):
        if b"\r" in data:
            return None
        end, lines = -2, data.count(b"\n") - 1
    elif data.endswith(b"\r\n\r\n"):
        end, lines = -4, data.count(b"\r\n") - 1
        if not data.count(b"\r") == data.count(b"\n") == lines + 1:
            return None
    else:
        return None
    if lines == 1 and data.startswith(b"data: "):
        return Frame(b"", data[6:end])
    if lines == 2 and end == -2 and data.startswith(b"event: "):
        name, _, told = data[7:end].partition(b"\n")
        return Frame(name, told[6:]) if told.startswith(b"data: ") else None
    return None
