"""The pages of the guide, each read and rendered once, filled in for a reader, and searched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from torouter.console.portal.guide.contents import NAMES
from torouter.console.portal.guide.markdown import Rendered, Section, render
from torouter.console.portal.snippets import FAMILIES, ready_made
from torouter.console.portal.words import Words

__all__ = ["SHOWN_KEY", "Found", "Place", "filled", "find", "read_page", "source_of"]

SHOWN_KEY: Final = "sk-***"

_FOLDER: Final = Path(__file__).parent
_NAME: Final = re.compile(rf"\{{\{{ ({'|'.join(('base', 'host', *FAMILIES))}) \}}\}}")
_SNIPPET: Final = re.compile(r"\{\{ snippet ([\w-]+) \}\}")
_PLAIN_BASE: Final = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_UNKNOWN_BASE: Final = "https://torouter.example"
_WORD: Final = re.compile(r"(?:\{\{ \w+ \}\}|\S)+")
"""With names in braces whole."""
_MOST_FOUND: Final = 30
_EXCERPT_CHARS: Final = 160


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader is: `base` is this host's address as it was called, `models` are names for all of
    `FAMILIES`."""

    base: str
    models: Mapping[str, str]

    @property
    def address(self) -> str:
        """An address that is none is not repeated: what is copied from our pages is run in shells."""
        return self.base if _PLAIN_BASE.fullmatch(self.base) else _UNKNOWN_BASE


@dataclass(frozen=True, slots=True)
class Found:
    """A section that has all the words. `page` is its page's title, `path` where it is; `excerpt` still has names in
    braces."""

    page: str
    title: str
    path: str
    excerpt: str


def source_of(language: str, name: str) -> str:
    """The Markdown, with ready-made settings put in."""
    text = _FOLDER.joinpath(language, f"{name}.md").read_text("utf-8")
    ready = ready_made("{{ base }}", SHOWN_KEY, {family: f"{{{{ {family} }}}}" for family in FAMILIES})
    return _SNIPPET.sub(lambda found: ready[found[1]], text)


def read_page(words: Words, name: str) -> Rendered:
    """One of `NAMES`."""
    return _pages(words.language)[name]


def filled(html: str, place: Place) -> str:
    """With the reader's own values, escaped, where names in braces stand."""
    values = {**place.models, "base": place.address, "host": place.address.partition("://")[2]}
    return _NAME.sub(lambda found: escape(values[found[1]]), html)


def find(words: Words, wanted: str) -> list[Found]:
    """Sections with all of the words, those first that have them in their heading; at most thirty."""
    sought = wanted.lower().split()
    if not sought:
        return []
    scored = [
        (-_score(section, sought), number, _found(name, page, section, sought))
        for number, (name, page, section) in enumerate(_all_sections(words.language))
        if all(word in f"{page.title} {section.title} {section.text}".lower() for word in sought)
    ]
    return [found for _, _, found in sorted(scored, key=lambda each: each[:2])[:_MOST_FOUND]]


@cache
def _pages(language: str) -> dict[str, Rendered]:
    """A language has a fixed number of pages, and there are few languages."""
    words = Words.read(language)
    return {name: render(source_of(language, name), words) for name in NAMES}


def _all_sections(language: str) -> Iterable[tuple[str, Rendered, Section]]:
    for name, page in _pages(language).items():
        for section in page.sections:
            yield name, page, section


def _score(section: Section, sought: Iterable[str]) -> int:
    return sum(word in section.title.lower() for word in sought)


def _found(name: str, page: Rendered, section: Section, sought: list[str]) -> Found:
    anchor = f"#{section.id}" if section.id else ""
    return Found(page.title, section.title, f"/docs/{name}{anchor}", _excerpt(section.text, sought[0]))


def _excerpt(text: str, sought: str) -> str:
    """Some words around the first place that has `sought`, or from the beginning."""
    at = max(0, text.lower().find(sought) - _EXCERPT_CHARS // 3)
    words = [found for found in _WORD.finditer(text) if at <= found.start() and found.end() <= at + _EXCERPT_CHARS]
    if not words:
        return ""
    begin, end = words[0].start(), words[-1].end()
    return f"{'…' * (begin > 0)}{text[begin:end]}{'…' * (end < len(text.rstrip()))}"
