"""One JSON object of a request, read field by field; what nobody read is what nobody knows.

Values are decoded where they are needed and stay bytes otherwise, so that numbers and texts keep the caller's spelling.
Every error is a `RequestError` that names the field's path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NoReturn, Protocol, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from torouter.canon.blocks import Carried, Fate
from torouter.errors import RequestError
from torouter.units import Dialect

__all__ = [
    "BOOL",
    "FLOAT",
    "INT",
    "RAWS",
    "STR",
    "STRS",
    "Fields",
    "join",
    "meaning",
    "read_body",
]

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


class _Reads(Protocol[_T_co]):
    """A `msgspec.json.Decoder`, whose own type is invariant."""

    def decode(self, raw: bytes | Raw, /) -> _T_co: ...


BOOL: Final = msgspec.json.Decoder(bool)
FLOAT: Final = msgspec.json.Decoder(float)
INT: Final = msgspec.json.Decoder(int)
STR: Final = msgspec.json.Decoder(str)
STRS: Final = msgspec.json.Decoder(list[str])
RAWS: Final = msgspec.json.Decoder(list[Raw])
_OBJECT: Final = msgspec.json.Decoder(dict[str, Raw])
_ANY: Final = msgspec.json.Decoder()
_NULL: Final = b"null"
_SAYS_NOTHING: Final = frozenset({b"null", b"[]", b"{}"})


def join(path: str, name: str | int) -> str:
    return f"{path}.{name}" if path else str(name)


def meaning(word: str, words: Mapping[str, _T], path: str) -> _T:
    """What a word at this path means, if it is one of these words."""
    if word not in words:
        raise RequestError(
            f"`{path}` is `{word}`; expected one of {', '.join(words)}", code="invalid_value", param=path
        )
    return words[word]


def read_body(body: bytes) -> Fields:
    """The top level of a request. Bad JSON, bad UTF-8 and nesting beyond reason are the caller's 400."""
    try:
        _ANY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"the request body is not valid JSON: {error}") from None
    except RecursionError:
        raise RequestError("the request body is nested too deeply") from None
    return Fields(body, "")


class Fields:
    """An object at a path. `take` marks a field as read; `rest` gives the others, carried."""

    __slots__ = ("_fields", "_taken", "path")

    def __init__(self, raw: bytes | Raw, path: str) -> None:
        self.path = path
        self._taken: set[str] = set()
        self._fields = _decode(_OBJECT, raw, path)

    def at(self, name: str | int) -> str:
        return join(self.path, name)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def take(self, name: str, decoder: _Reads[_T]) -> _T | UnsetType | None:
        """The value; `None` for null, `UNSET` where the field is absent."""
        self._taken.add(name)
        raw = self._fields.get(name)
        if raw is None:
            return UNSET
        return None if bytes(raw) == _NULL else _decode(decoder, raw, self.at(name))

    def get(self, name: str, decoder: _Reads[_T]) -> _T | None:
        """The value; `None` for null and for absence, where both mean the same."""
        value = self.take(name, decoder)
        return None if value is UNSET else value

    def need(self, name: str, decoder: _Reads[_T]) -> _T:
        value = self.get(name, decoder)
        return self._missing(name) if value is None else value

    def need_word(self, name: str, words: Mapping[str, _T]) -> tuple[str, _T]:
        """One of these words, and what it means."""
        word = self.need(name, STR)
        return word, meaning(word, words, self.at(name))

    def raw(self, name: str) -> bytes | None:
        """The value's own bytes; `None` for null and for absence."""
        self._taken.add(name)
        value = self._fields.get(name)
        return None if value is None or bytes(value) == _NULL else bytes(value)

    def object(self, name: str) -> Fields | None:
        value = self.raw(name)
        return None if value is None else Fields(value, self.at(name))

    def need_object(self, name: str) -> Fields:
        said = self.object(name)
        return self._missing(name) if said is None else said

    def objects(self, name: str) -> list[Fields]:
        """The objects of a list; empty for null and for absence."""
        return [Fields(raw, self.at(f"{name}.{index}")) for index, raw in enumerate(self.list(name))]

    def need_objects(self, name: str, what: str) -> list[Fields]:
        """The objects of a list that holds at least one, each of which is `what`."""
        found = self.objects(name)
        if not found:
            path = self.at(name)
            message = f"`{path}` must hold at least one {what}"
            raise RequestError(message, code="missing_required_parameter", param=path)
        return found

    def list(self, name: str) -> list[Raw]:
        """The values of a list; empty for null and for absence."""
        return self.get(name, RAWS) or []

    def _missing(self, name: str) -> NoReturn:
        path = self.at(name)
        raise RequestError(f"`{path}` is required", code="missing_required_parameter", param=path)

    def is_text(self, name: str) -> bool:
        raw = self._fields.get(name)
        return raw is not None and bytes(raw)[:1] == b'"'

    def carry(self, name: str, origin: Dialect, fate: Fate, why: str = "") -> tuple[Carried, ...]:
        """A field that was read, kept raw as well (for home); nothing where it is absent. Null says nothing."""
        raw = self._fields.get(name)
        if raw is None:
            return ()
        if fate != "typed" and bytes(raw) == _NULL:
            fate, why = "hint", ""
        return (Carried(name=name, value=bytes(raw), origin=origin, fate=fate, why=why),)

    def rest(
        self, origin: Dialect, fates: Mapping[str, tuple[Fate, str]] | None = None, *, within: str = ""
    ) -> tuple[Carried, ...]:
        """Fields that nobody took. Those without a fate of their own are reported; null, [] and {} say nothing.
        `within` is this object's name in the one that carries them."""
        known = fates or {}
        says_nothing: tuple[Fate, str] = ("hint", "")
        unknown: tuple[Fate, str] = ("report", "")
        kept: list[Carried] = []
        for name, raw in self._fields.items():
            if name in self._taken:
                continue
            value = bytes(raw)
            fate, why = says_nothing if value in _SAYS_NOTHING else known.get(name, unknown)
            kept.append(Carried(name=name, value=value, origin=origin, fate=fate, why=why, within=within))
        return tuple(kept)


def _decode(decoder: _Reads[_T], raw: bytes | Raw, path: str) -> _T:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        where = f"`{path}`" if path else "the request body"
        raise RequestError(
            f"{where} is not what was expected: {error}", code="invalid_type", param=path or None
        ) from None
