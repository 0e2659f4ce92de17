"""Usage of Messages, in tokens: `message_start` first, then `message_delta`, whose fields override field by field.

`input_tokens` excludes cache reads and writes; `output_tokens` includes thinking. Figures are cumulative, never added
up; an input figure of 0 does not override a larger one (a known server fault: envoyproxy/ai-gateway#1631). Writes whose
lifetime is not told are those of five minutes, the default. Messages API reference, seen 2026-11.
"""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.canon.usage import Usage
from torouter.codecs.codec import Framing, Tap
from torouter.codecs.figures import decoded, is_given, tokens
from torouter.codecs.taps import Ending, SseTap, WholeTap
from torouter.units import Operation

__all__ = ["tap"]

_ABSENT: Final = msgspec.Raw()

_INPUT_FIELDS: Final = (
    ("input_tokens",),
    ("cache_read_input_tokens",),
    ("cache_creation_input_tokens",),
    ("cache_creation", "ephemeral_5m_input_tokens"),
    ("cache_creation", "ephemeral_1h_input_tokens"),
)
_OUTPUT_FIELDS: Final = (("output_tokens",), ("output_tokens_details", "thinking_tokens"))


class _Event(msgspec.Struct):
    type: object = None
    message: msgspec.Raw = _ABSENT
    delta: msgspec.Raw = _ABSENT
    usage: msgspec.Raw = _ABSENT


class _Message(msgspec.Struct):
    usage: msgspec.Raw = _ABSENT


class _Delta(msgspec.Struct):
    stop_reason: object = None


_read_event = msgspec.json.Decoder(_Event).decode
_read_message = msgspec.json.Decoder(_Message).decode
_read_delta = msgspec.json.Decoder(_Delta).decode
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def tap(operation: Operation, framing: Framing) -> Tap:
    if framing == "sse":
        return SseTap(_EventMeter())
    return WholeTap(_of_body if operation == "chat" else _of_count)


def _of_body(body: bytes) -> Usage | None:
    tally = _Tally()
    tally.take(_read_message(body).usage)
    return tally.figures()


def _of_count(body: bytes) -> Usage | None:
    """A count of tokens is no use of them."""
    _read_message(body)
    return None


class _Tally:
    """The figures seen so far, by field."""

    __slots__ = ("_counts", "_raw")

    def __init__(self) -> None:
        self._counts: dict[tuple[str, ...], int] = {}
        self._raw = b""

    def take(self, raw: msgspec.Raw) -> None:
        if not is_given(raw):
            return
        usage = decoded(raw)
        for path in _INPUT_FIELDS:
            if count := tokens(usage, *path):
                self._counts[path] = count
            elif count == 0:
                self._counts.setdefault(path, 0)
        for path in _OUTPUT_FIELDS:
            if (count := tokens(usage, *path)) is not None:
                self._counts[path] = count
        self._raw = bytes(raw)

    def figures(self) -> Usage | None:
        if not self._counts:
            return None
        plain, read, written, written_5m, written_1h = (self._counts.get(path, 0) for path in _INPUT_FIELDS)
        output, thinking = (self._counts.get(path, 0) for path in _OUTPUT_FIELDS)
        untold = max(0, written - written_5m - written_1h)
        return Usage(
            input_tokens=plain,
            cache_read_tokens=read,
            cache_write_5m_tokens=written_5m + untold,
            cache_write_1h_tokens=written_1h,
            output_tokens=max(0, output - thinking),
            reasoning_tokens=thinking,
            raw=self._raw,
        )


class _EventMeter:
    __slots__ = ("_tally", "ending")

    def __init__(self) -> None:
        self._tally = _Tally()
        self.ending: Ending = "none"

    def may_matter(self, data: bytes, /) -> bool:
        return b'"message_' in data or b'"error"' in data

    def read(self, event: bytes, /) -> None:
        """The type is in the data: some servers leave the `event:` line out."""
        try:
            read = _read_event(event)
            if read.type == "message_start" and is_given(read.message):
                self._tally.take(_read_message(read.message).usage)
            elif read.type == "message_delta":
                self._tally.take(read.usage)
                if is_given(read.delta) and _read_delta(read.delta).stop_reason:
                    self.ending = "normal"
            elif read.type == "message_stop":
                self.ending = "normal"
            elif read.type == "error":
                self.ending = "error"
        except _UNREADABLE:
            return

    @property
    def figures(self) -> Usage | None:
        return self._tally.figures()
