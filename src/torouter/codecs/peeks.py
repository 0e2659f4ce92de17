"""What routing needs of a JSON body: `model` and `stream`, and the certainty that the rest is JSON at all.

One skim of the whole body finds both and checks the syntax, so that a malformed body is refused before anything is
sent. The gateway's reading of `model` decides what is allowed and what is paid: a body in which an upstream could read
another one (the name repeated, spelled with escapes, or in capitals, which Go's decoder takes too) is refused.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from torouter.codecs.codec import Peek
from torouter.codecs.splice import Member, members, skim
from torouter.errors import RequestError

__all__ = ["check_object", "missing_model", "peek_body", "repeated"]

_SPELLED: Final = re.compile(rb"\\u00[67]")
"""`model` and `stream` can be spelled with these escapes only, and no encoder escapes letters."""
_BACKSLASH: Final = 0x5C
_SMALL_BYTES: Final = 2048
"""Up to here two searches through the body are faster than a walk over its members; a skim is faster than both."""

_read = msgspec.json.Decoder(Peek).decode


class _Object(msgspec.Struct):
    """Any JSON object: nothing of it is kept."""


_check = msgspec.json.Decoder(_Object).decode


def peek_body(body: bytes) -> Peek:
    """Of a JSON object with a top-level `model` string. Raises `RequestError`; `param` names a field at fault."""
    head = _peek_small(body) if len(body) <= _SMALL_BYTES else None
    if head is None:
        head = _peek_members(body)
    if not body.isascii():
        _check_utf8(body)
    return head


def check_object(body: bytes) -> None:
    """Raises `RequestError` unless the body is one JSON object."""
    try:
        _check(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        skim(body)  # says what is wrong, or that only lone surrogates are
    if not body.isascii():
        _check_utf8(body)


def missing_model() -> RequestError:
    return RequestError("You must give a model: the field `model` is missing.", param="model")


def repeated(name: str) -> RequestError:
    return RequestError(f"The field `{name}` is given more than once, which is ambiguous.", param=name)


def _peek_small(body: bytes) -> Peek | None:
    """The quick reading, where nothing is amiss and no name can occur twice; else `None`."""
    try:
        head = _read(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    lower = body.lower()
    if head.model is None or lower.count(b'"model"') > 1 or lower.count(b'"stream"') > 1:
        return None
    if _BACKSLASH in body and body.find(b"\\u00") >= 0 and _SPELLED.search(body):
        return None
    return head


def _peek_members(body: bytes) -> Peek:
    """The thorough reading, with every fault in its own words. It also takes `stream: null`."""
    found: dict[str, Member] = {}
    for member in members(body):
        name = member.name.lower()
        if name in ("model", "stream"):
            if name in found:
                raise repeated(name)
            found[name] = member
    model, stream = _value(body, found, "model"), _value(body, found, "stream")
    if model is None:
        raise missing_model()
    return Peek(model=_model(model), stream=stream is not None and _stream(stream))


def _value(body: bytes, found: dict[str, Member], name: str) -> bytes | None:
    """Of the member that is spelled just so."""
    member = found.get(name)
    if member is None or member.name != name:
        return None
    return body[member.value.start : member.value.end]


def _model(value: bytes) -> str:
    try:
        return msgspec.json.decode(value, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RequestError("The field `model` must be a string.", param="model") from None


def _stream(value: bytes) -> bool:
    try:
        return bool(msgspec.json.decode(value, type=bool | None))
    except msgspec.DecodeError:
        raise RequestError("The field `stream` must be true or false.", param="stream") from None


def _check_utf8(body: bytes) -> None:
    """The skim does not look into strings that nobody asked for."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(f"The request body is not valid UTF-8 (byte {error.start}).") from None
