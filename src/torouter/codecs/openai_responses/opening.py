"""Which events of Responses say something. A response, an item or a part that is there and empty does not."""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.codecs.figures import is_given
from torouter.codecs.opening import Opened, says
from torouter.codecs.surrogates import lenient_decoder

__all__ = ["error_of", "opens"]

_ABSENT: Final = msgspec.Raw()
_ENDS: Final = ("response.completed", "response.incomplete", "response.cancelled")


class _Event(msgspec.Struct):
    """`response` is not read: the first events repeat the whole request in it. Its error, of a failed one, is."""

    type: object = None
    delta: object = None
    text: object = None
    refusal: object = None
    arguments: object = None
    input: object = None
    code: object = None
    partial_image_b64: object = None
    item: object = None
    part: object = None
    response: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


class _Response(msgspec.Struct):
    error: msgspec.Raw = _ABSENT


_read = lenient_decoder(_Event)
_read_response = lenient_decoder(_Response)


def opens(event: bytes) -> Opened | bytes:
    read = _read(event)
    if read.type == "error" or is_given(read.error):
        return event
    if read.type == "response.failed":
        return error_of(read.response)
    if read.type in _ENDS:
        return "something"
    said = (
        read.delta, read.text, read.refusal, read.arguments, read.input, read.code, read.partial_image_b64,
        read.item, read.part,
    )  # fmt: skip
    return "something" if any(map(says, said)) else "nothing"


def error_of(response: msgspec.Raw) -> bytes:
    """The error of a failed response, in the envelope in which errors come."""
    error = _read_response(response).error if is_given(response) else _ABSENT
    return b'{"error":%b}' % (bytes(error) if is_given(error) else b'{"message":"the response failed"}')
