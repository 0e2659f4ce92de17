"""Usage of Responses: it comes once, in the terminal event, also when the ending is failed or incomplete."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import msgspec

from torouter.canon.usage import Usage
from torouter.codecs.codec import Framing, Tap
from torouter.codecs.figures import is_given
from torouter.codecs.openai_responses.opening import error_of
from torouter.codecs.openai_usage import openai_figures
from torouter.codecs.surrogates import lenient_decoder
from torouter.codecs.taps import Ending, SseTap, WholeTap
from torouter.codecs.unreadable import UNREADABLE
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
    __slots__ = ("ending", "fault", "figures")

    def __init__(self) -> None:
        self.figures: Usage | None = None
        self.ending: Ending = "none"
        self.fault = b""

    def read(self, event: bytes, /) -> bool:
        """An `error` event, or data with a top-level error, ends a stream too: nothing else may come."""
        read = _read_event(event)
        if read.type in _TERMINAL:
            self.ending = "normal"
            with suppress(*UNREADABLE):
                self.figures = _of_body(read.response) or self.figures
                if read.type == "response.failed":
                    self.fault = error_of(read.response)
            return True
        if read.type == "error" or is_given(read.error):
            self.ending, self.fault = "error", event
        return False
