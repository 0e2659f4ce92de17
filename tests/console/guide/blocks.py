"""The guide's fenced blocks, as a reader of this host would copy them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

from torouter.console.portal.guide import Place, filled
from torouter.console.portal.guide.book import source_of
from torouter.console.portal.snippets import models_by_family

__all__ = ["PROGRAMS", "Block", "blocks_of"]

PROGRAMS = ("sh", "python", "js")

_FENCE = re.compile(r"^```(\S+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """`use` is the word behind the language: `settings`, `output`, or empty for what is run."""

    language: str
    use: str
    text: str

    @property
    def is_program(self) -> bool:
        return not self.use


def blocks_of(name: str, base: str = "http://gateway.example", language: str = "en") -> list[Block]:
    place = Place(base, models_by_family([]))
    found = _FENCE.findall(source_of(language, name))
    return [Block(each, use, unescape(filled(text, place))) for each, use, text in found]
