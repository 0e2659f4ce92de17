"""Usage of Responses: it comes once, in the terminal event, also when the ending is failed or incomplete."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import msgspec

from torouter.canon.usage import Usage
from torouter.codecs.codec import Framing, Tap
from torouter.codecs.figures import is_given
from torouter.codecs.openai_usage import openai_figures
from torouter.codecs.surrogates import lenient_decoder
from torouter.codecs.taps import Ending, SseTap, WholeTap
from torouter.units import Operation

__all__ = ["tap"]

_ABSENT: Final = msgspec.Raw()
_TERMINAL: Final = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


class _Event(msgspec.Struct):
    type: object = None
    response: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


class _Response(msgspec.Struct):
    usage: msgspec.Raw = _ABSENT
    service_tier: object = None


_read_event = lenient_decoder(_Event)
_read_response = lenient_decoder(_Response)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def tap(operation: Operation, framing: Framing) -> Tap:
    if framing == "sse":
        return SseTap(_EventMeter())
    return WholeTap(_of_body if operation == "chat" else _of_count)


def _of_body(body: bytes | msgspec.Raw) -> Usage | None:
    response = _read_response(body)
    return openai_figures(response.usage, tier=response.service_tier) if is_given(response.usage) else None


def _of_count(body: bytes) -> Usage | None:
    """A count of tokens is no use of them."""
    _read_response(body)
    return None


class _EventMeter:
    __slots__ = ("ending", "figures")

    def __init__(self) -> None:
        self.figures: Usage | None = None
        self.ending: Ending = "none"

    def may_matter(self, data: bytes, /) -> bool:
        """Deltas, which are nearly all events, hold no response object."""
        return b'"response"' in data or b'"error"' in data

    def read(self, event: bytes, /) -> bool:
        """An `error` event, or data with a top-level error, ends a stream too: nothing else may come."""
        try:
            read = _read_event(event)
        except _UNREADABLE:
            return False
        if read.type in _TERMINAL:
            self.ending = "normal"
            with suppress(*_UNREADABLE):
                self.figures = _of_body(read.response) or self.figures
            return True
        if read.type == "error" or is_given(read.error):
            self.ending = "error"
        return False
