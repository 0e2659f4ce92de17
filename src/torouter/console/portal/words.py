"""What the portal says, in every language that it has: a file of `words/` for each, with the same keys.

A text may name values, `{count}`; a key whose text differs by number has `one` and `other` below it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["DEFAULT", "LANGUAGES", "Words", "language_for"]

DEFAULT: Final = "en"
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "zh-CN": "简体中文"}
"""By tag, the name that its speakers know."""

_FOLDER: Final = Path(__file__).with_name("words")
_RANGE: Final = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*")


class Words:
    """Of one language."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self.texts = texts

    @classmethod
    def read(cls, language: str) -> Words:
        tables = tomllib.loads(_FOLDER.joinpath(f"{language}.toml").read_text("utf-8"))
        return cls(language, dict(_flat(tables, "")))

    def __call__(self, key: str, **values: object) -> str:
        """Raises `KeyError` for a key that is not there: a test walks all that the templates use."""
        text = self.texts[key]
        return text.format_map(values) if values else text

    def counted(self, key: str, count: int, **values: object) -> str:
        form = "one" if count == 1 and f"{key}.one" in self.texts else "other"
        return self(f"{key}.{form}", count=f"{count:,}", **values)

    def named(self, prefix: str, name: str) -> str:
        """Of a word from the store: itself, where nobody has told how to say it."""
        return self.texts.get(f"{prefix}.{name}", name)


def language_for(chosen: str | None, accepted: str) -> str:
    """What was chosen, else the first that `Accept-Language` likes best, else English. Chinese of any sort is
    Simplified Chinese here: there is no other."""
    if chosen in LANGUAGES:
        return str(chosen)
    wanted = [
        (float(found[2] or 1), found[1].lower()) for part in accepted.split(",") if (found := _RANGE.fullmatch(part))
    ]
    for quality, tag in sorted(wanted, key=lambda one: -one[0]):
        for language in LANGUAGES:
            if quality > 0 and tag.partition("-")[0] == language.partition("-")[0].lower():
                return language
    return DEFAULT


def _flat(table: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
