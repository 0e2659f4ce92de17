"""How much a request lets an answer write, as its dialect says it: what a hold of money is reckoned from.

The reading errs on much: of a field that is given twice, in two spellings or under an old name and a new one, the
largest value counts, for nobody knows which of them an upstream takes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

import msgspec

from torouter.codecs.codec import Ceiling
from torouter.codecs.multipart import fields
from torouter.codecs.splice import members
from torouter.errors import RequestError

__all__ = ["ceiling_of", "form_choices", "inner"]

_NONE: Final = Ceiling()


def ceiling_of(body: bytes, limits: Collection[str], choices: Collection[str]) -> Ceiling:
    """Names without underscores, in lower case. A limit of 0 or less is some servers' word for no limit."""
    written: list[int] = []
    asked: list[int] = [1]
    try:
        for name, value in _values(body):
            if name in limits:
                written += _counts(value)
            elif name in choices:
                asked += _counts(value)
    except RequestError:
        return _NONE
    return Ceiling(
        output_tokens=max(written) if written and min(written) > 0 else None,
        choices=max(asked),
    )


def inner(body: bytes, name: str) -> Iterator[bytes]:
    """The objects that stand under this name (as above). Raises `RequestError`."""
    return (value for found, value in _values(body) if found == name)


def form_choices(body: bytes) -> Ceiling:
    """Of a form, which peek has read: its boundary is its first line. A form has no other limit than its `n`."""
    boundary = body[2 : body.find(b"\r\n")]
    try:
        values = [body[each.value.start : each.value.end] for each in fields(body, boundary) if each.name == b"n"]
    except RequestError:
        return _NONE
    return Ceiling(choices=max([1, *_all_counts(values)]))


def _values(body: bytes) -> Iterator[tuple[str, bytes]]:
    for member in members(body):
        yield member.name.replace("_", "").lower(), body[member.value.start : member.value.end]


def _all_counts(values: Iterable[bytes]) -> Iterator[int]:
    for value in values:
        yield from _counts(value)


def _counts(value: bytes) -> tuple[int, ...]:
    """No count or one. Some servers take a count as text, or with a fraction of nothing."""
    try:
        return (round(msgspec.json.decode(value.strip(b'" '), type=float)),)
    except (msgspec.DecodeError, UnicodeDecodeError, OverflowError):
        return ()
