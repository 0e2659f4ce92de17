"""JSON objects of Gemini's API, whose clients write camelCase, snake_case, or both within one body (google-genai does).

Only objects of the API's own are read this way: arguments, schemas and results of tools keep their names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Carried, Fate
from torouter.codecs.fields import RAWS, Fields
from torouter.units import Dialect

__all__ = ["CamelFields", "camel"]

_WORD_START: Final = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")


def camel(name: str) -> str:
    """`inline_data` as `inlineData`; a name without underscores as it is."""
    return _WORD_START.sub(lambda found: found[1].upper(), name) if "_" in name else name


class CamelFields(Fields):
    """`Fields` that are asked for in camelCase, however they were spelled. Paths keep the caller's own spelling."""

    __slots__ = ("_spelled",)

    def __init__(self, raw: bytes | Raw, path: str) -> None:
        super().__init__(raw, path)
        self._spelled: dict[str, str] = {}
        if any("_" in name for name in self._fields):
            self._fields = {self._known_as(name): value for name, value in self._fields.items()}

    def _known_as(self, name: str) -> str:
        known = camel(name)
        if known == name or known in self._fields:  # written twice: the camelCase one counts, the other is reported
            return name
        self._spelled[known] = name
        return known

    def spelled(self, name: str) -> str:
        """The field's name as the caller wrote it."""
        return self._spelled.get(name, name)

    def at(self, name: str | int) -> str:
        return super().at(self.spelled(name) if isinstance(name, str) else name)

    def object(self, name: str) -> CamelFields | None:
        value = self.raw(name)
        return None if value is None else CamelFields(value, self.at(name))

    def items(self, name: str) -> list[tuple[CamelFields, bytes]]:
        """The objects of a list, each with its own bytes. One object that stands alone counts as a list of one: so the
        API reads it (seen 2026-11)."""
        value = self.raw(name)
        if value is None:
            return []
        if value[:1] == b"{":
            return [(CamelFields(value, self.at(name)), value)]
        place = self.at(name)
        return [
            (CamelFields(each, f"{place}.{index}"), bytes(each))
            for index, each in enumerate(self.get(name, RAWS) or ())
        ]

    def names(self) -> list[str]:
        """The fields that were given, null aside."""
        return [name for name, value in self._fields.items() if bytes(value) != b"null"]

    def keep(self, *names: str, within: str = "") -> tuple[Carried, ...]:
        """Fields that were read and have a typed place, raw as well, for home."""
        kept = [item for name in names for item in self.carry(name, "gemini", "typed")]
        return tuple(msgspec.structs.replace(item, within=within) for item in kept)

    def rest(
        self, origin: Dialect, fates: Mapping[str, tuple[Fate, str]] | None = None, *, within: str = ""
    ) -> tuple[Carried, ...]:
        left = super().rest(origin, fates, within=within)
        return tuple(msgspec.structs.replace(item, name=self.spelled(item.name)) for item in left)
