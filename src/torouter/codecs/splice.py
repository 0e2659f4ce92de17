"""Edits of a JSON object that leave every other byte as it was: odd spacing, repeated keys, big integers, key order.

Decoding a body and encoding it again would change all of those, and prompt caches and signatures notice. So an edit
finds where a top-level value stands and replaces just its bytes. There is no JSON parser here: msgspec skims the object
into raw slices at C speed, and the walk below matches these slices to places. Where a name is repeated the skim knows
only its last value; the walk notices and skims again from there, a few times at most.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from torouter.codecs.surrogates import lenient_decoder, mended
from torouter.errors import RequestError

__all__ = ["Member", "Span", "edit", "edit_elements", "elements", "members", "replace_model", "skim", "values_of"]

_MAX_REPEATS: Final = 8
"""Each repeated name costs a skim of what follows; no honest body has many."""

_SPACE: Final = rb"[ \t\r\n]*"
_KEY: Final = re.compile(_SPACE + rb'("[^"\\]*+(?>(?:\\.[^"\\]*+)*)")' + _SPACE + b":" + _SPACE, re.DOTALL)
_AFTER_VALUE: Final = re.compile(_SPACE + rb"([,}])")
_BEFORE_ELEMENT: Final = re.compile(_SPACE + rb"[\[,]" + _SPACE)
_MODEL: Final = b'"model"'
_PLAIN_STRING: Final = re.compile(_SPACE + b":" + _SPACE + rb'("[^"\\]*")')
_BACKSLASH: Final = 0x5C
_NEAR_BYTES: Final = 512
"""How far from either end a key is looked for by searching; a skim is faster than searching through a long body."""

_skim_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_skim_array = lenient_decoder(list[msgspec.Raw])
_read_string = msgspec.json.Decoder(str).decode


class Span(NamedTuple):
    """Where a value's bytes stand."""

    start: int
    end: int


class Member(NamedTuple):
    """A member of an object: its name with escapes resolved, where its key begins and where its value stands."""

    name: str
    start: int
    value: Span


def skim(text: bytes) -> dict[str, msgspec.Raw]:
    """The values of an object, raw, the last one of each name. Raises `RequestError` for anything but a JSON object."""
    return _skim(text)[0]


def _skim(text: bytes) -> tuple[dict[str, msgspec.Raw], bytes]:
    """And the text that was read: the given one, or one with lone surrogates mended, in which places are the same."""
    try:
        return _skim_either(text)
    except RecursionError:
        raise RequestError("The request body is nested too deeply.") from None
    except msgspec.ValidationError:
        raise RequestError("The request body must be a JSON object.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        said = "it is empty" if not text.strip() else str(error)
        raise RequestError(f"The request body is not valid JSON: {said}.") from None


def _skim_either(text: bytes) -> tuple[dict[str, msgspec.Raw], bytes]:
    try:
        return _skim_object(text), text
    except msgspec.DecodeError:
        if (repaired := mended(text)) == text:
            raise
        return _skim_object(repaired), repaired


def members(text: bytes) -> list[Member]:
    """All members of an object in their order, each occurrence of a repeated name. Raises `RequestError`."""
    return list(_walk(text))


def values_of(text: bytes) -> dict[str, bytes]:
    """The values of an object, to the byte, the last one of each name. Raises `RequestError`."""
    return {member.name: text[member.value.start : member.value.end] for member in _walk(text)}


def _walk(text: bytes) -> Iterator[Member]:
    values, text = _skim(text)
    unseen = _name_not_in(values)
    ahead = iter(values.items())
    position = text.index(b"{") + 1
    repeats = 0
    while key := _KEY.match(text, position):
        name = _read_string(key[1])
        start = key.end()
        expected, raw = next(ahead, ("", b""))
        value = bytes(raw)
        after = _AFTER_VALUE.match(text, start + len(value))
        if expected != name or after is None or not value or not text.startswith(value, start):
            repeats += 1
            if repeats > _MAX_REPEATS:
                raise RequestError("The request body repeats too many of its names.")
            ahead = iter(skim(b'{"%b":%b' % (unseen, text[start:])).items())
            value = bytes(next(ahead)[1])
            after = _AFTER_VALUE.match(text, start + len(value))
        yield Member(name, key.start(1), Span(start, start + len(value)))
        if after is None or after[1] == b"}":
            return
        position = after.end()


def _name_not_in(values: Mapping[str, object]) -> bytes:
    name = "?"
    while name in values:
        name += "?"
    return name.encode("ascii")


def elements(text: bytes) -> list[Span]:
    """Where the elements of an array stand; `text` is known to be a JSON array."""
    spans: list[Span] = []
    position = 0
    for raw in _skim_array(text):  # lengths are those of the text, mended or not
        before = _BEFORE_ELEMENT.match(text, position)
        start = before.end() if before else position
        position = start + len(bytes(raw))
        spans.append(Span(start, position))
    return spans


def edit_elements(text: bytes, change: Callable[[int, bytes], bytes | None]) -> bytes:
    """`text`, a JSON array, with each element as `change` gives it by its index and its bytes; `None` removes it. Those
    that stay keep what stood between them."""
    spans = elements(text)
    changed = [change(index, text[start:end]) for index, (start, end) in enumerate(spans)]
    kept = [index for index, element in enumerate(changed) if element is not None]
    if not spans:
        return text
    pieces = [text[: spans[0].start]]
    for place, index in enumerate(kept):
        if place:
            previous = kept[place - 1]
            pieces.append(text[spans[previous].end : spans[previous + 1].start])
        pieces.append(changed[index] or b"")
    pieces.append(text[spans[-1].end :])
    return b"".join(pieces)


def replace_model(text: bytes, value: bytes) -> bytes:
    """`text` with another value for the string at its top-level `model`.

    The hot path of every request. `text` has been peeked at: it is valid JSON and has the name once.
    """
    span = _at_opening(text) or _near_opening(text) or _near_closing(text)
    if span is None:
        span = next((member.value for member in _walk(text) if member.name == "model"), None)
        if span is None:
            return text
    return b"%b%b%b" % (text[: span[0]], value, text[span[1] :])


def _at_opening(text: bytes) -> tuple[int, int] | None:
    """The place of the value where it stands first, in the two spellings that encoders have: a third of what the
    search takes."""
    if text.startswith(b'{"model": "'):
        start = 10
    elif text.startswith(b'{"model":"'):
        start = 9
    else:
        return None
    end = text.find(b'"', start + 1)
    return (start, end + 1) if text.find(b"\\", start, end) < 0 else None


def _near_opening(text: bytes) -> tuple[int, int] | None:
    """Where a few searches are certain of it: no other bracket stands between the object's opening brace and the key,
    so the key is one of the top level. Brackets within strings only make this give up."""
    at = text.find(_MODEL, 0, _NEAR_BYTES)
    if at < 0:
        return None
    opening = text.find(b"{")
    if text.find(b"{", opening + 1, at) >= 0 or text.find(b"[", opening, at) >= 0:
        return None
    return _plain_string(text, at)


def _near_closing(text: bytes) -> tuple[int, int] | None:
    """The same from the other end: no other bracket stands between the key and the object's closing brace."""
    at = text.rfind(_MODEL, -_NEAR_BYTES)
    if at < 0:
        return None
    closing = text.rfind(b"}")
    if text.find(b"}", at, closing) >= 0 or text.find(b"]", at, closing) >= 0:
        return None
    return _plain_string(text, at)


def _plain_string(text: bytes, at: int) -> tuple[int, int] | None:
    """The value of a key at this place, if it is a key and the value a string without escapes.

    A `"model"` without a backslash before it that is followed by a colon is a key: its first quote cannot close a
    string, for JSON has no bare `m` after a string.
    """
    if text[at - 1] == _BACKSLASH:
        return None
    value = _PLAIN_STRING.match(text, at + len(_MODEL))
    return value.span(1) if value else None


def edit(text: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """`text`, a JSON object, with other values at its top level: JSON in place of a value (of every occurrence),
    `None` to remove the member; a name that is missing is appended right before the closing brace."""
    values = skim(text)
    present = {name: value for name, value in changes.items() if name in values}
    if present:
        text = _rewrite(text, present)
    added = [(name, value) for name, value in changes.items() if value is not None and name not in values]
    if not added:
        return text
    joined = b",".join(b"%b:%b" % (msgspec.json.encode(name), value) for name, value in added)
    has_any = len(values) > sum(value is None for value in present.values())
    closing = text.rindex(b"}")
    return b"%b%b%b%b" % (text[:closing], b"," if has_any else b"", joined, text[closing:])


def _rewrite(text: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """Each member that stays keeps what stood between it and the next."""
    found = members(text)
    kept = [index for index, member in enumerate(found) if changes.get(member.name, b"") is not None]
    pieces = [text[: found[0].start]]
    for place, index in enumerate(kept):
        member = found[index]
        if place:
            previous = kept[place - 1]
            pieces.append(text[found[previous].value.end : found[previous + 1].start])
        pieces.append(text[member.start : member.value.start])
        pieces.append(changes.get(member.name) or text[member.value.start : member.value.end])
    pieces.append(text[found[-1].value.end :])
    return b"".join(pieces)
