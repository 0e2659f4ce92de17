"""Which events of Messages say something. `message_start` and the start of an empty block do not."""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.codecs.figures import is_given
from torouter.codecs.opening import Opened, says
from torouter.codecs.surrogates import lenient_decoder

__all__ = ["opens"]

_ABSENT: Final = msgspec.Raw()


class _Event(msgspec.Struct):
    type: object = None
    content_block: object = None
    delta: object = None
    error: msgspec.Raw = _ABSENT


_read = lenient_decoder(_Event)


def opens(event: bytes) -> Opened | bytes:
    read = _read(event)
    if read.type == "error" or is_given(read.error):
        return event
    if read.type == "message_stop":
        return "end"
    if read.type == "message_delta":
        is_ended = isinstance(read.delta, dict) and bool(read.delta.get("stop_reason"))
        return "something" if is_ended else "nothing"
    return "something" if says(read.content_block) or says(read.delta) else "nothing"
