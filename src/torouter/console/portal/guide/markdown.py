"""From the Markdown of one page to its HTML, in the portal's own forms: anchors, code to copy, tables that scroll.

What our pages do not use is an error here and not a surprise in a browser: HTML, pictures, links to other hosts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from torouter.console.portal.words import Words

__all__ = ["Heading", "Rendered", "Section", "render"]

_PARSER: Final = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "html_block", "lheading"])
_ID: Final = re.compile(r"\s*\{#([a-z0-9-]+)\}$")
_NO_SLUG: Final = re.compile(r"[^a-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Heading:
    """`level` is 2 or 3."""

    id: str
    title: str
    level: int


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under a heading, as text to look for words in. `id` is empty for what comes before the first."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """`lead` is the first paragraph, as text; `html` is all that follows the title."""

    title: str
    lead: str
    html: str
    headings: tuple[Heading, ...]
    sections: tuple[Section, ...]


def render(text: str, words: Words) -> Rendered:
    """Raises `ValueError` for what is no page of the guide."""
    tokens = _PARSER.parse(text)
    title = tokens[1].content if len(tokens) > 3 and tokens[0].tag == "h1" else ""
    if not title or tokens[3].type != "paragraph_open":
        raise ValueError("a page begins with its title and a paragraph")
    rest = tokens[3:]
    headings = _name_headings(rest)
    _name_rows(rest, {heading.id for heading in headings})
    _label_cells(rest)
    _check_links(rest)
    return Rendered(
        title=title,
        lead=_plain([rest[1]]),
        html=_html(rest, words),
        headings=headings,
        sections=tuple(_sections(title, rest)),
    )


def _name_headings(tokens: Sequence[Token]) -> tuple[Heading, ...]:
    """Each says its own id, `## Title {#id}`, so that it is the same in every language."""
    found: list[Heading] = []
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        told = _ID.search(inline.content)
        if told is None or opening.tag not in ("h2", "h3") or any(each.id == told[1] for each in found):
            raise ValueError(f"no id of its own, or no level 2 or 3: {inline.content}")
        last = inline.children[-1] if inline.children else inline
        last.content = _ID.sub("", last.content)
        inline.content = _ID.sub("", inline.content)
        opening.attrSet("id", told[1])
        found.append(Heading(told[1], _plain([inline]), int(opening.tag[1])))
    return tuple(found)


def _name_rows(tokens: Sequence[Token], taken: set[str]) -> None:
    """A row that begins with a word of code can be linked to by that word."""
    for place, token in enumerate(tokens):
        if token.type != "tr_open" or tokens[place + 1].tag != "td":
            continue
        children = tokens[place + 2].children or []
        if children and children[0].type == "code_inline":
            slug = _NO_SLUG.sub("-", children[0].content.lower()).strip("-")
            if slug and slug not in taken:
                taken.add(slug)
                token.attrSet("id", slug)


def _label_cells(tokens: Sequence[Token]) -> None:
    """On a phone a row stands as a card, where each cell says its column."""
    columns: list[str] = []
    column = 0
    for token, following in pairwise(tokens):
        match token.type:
            case "table_open":
                token.attrSet("class", "cards")
                columns = []
            case "tr_open":
                column = 0
            case "th_open":
                columns.append(_plain([following]))
            case "td_open":
                token.attrSet("data-label", columns[column])
                column += 1


def _check_links(tokens: Iterable[Token]) -> None:
    for token in tokens:
        for child in token.children or []:
            target = str(child.attrGet("href") or "/")
            if not re.match(r"#|/(?!/)", target):
                raise ValueError(f"a link that leaves this host: {target}")


def _html(tokens: Sequence[Token], words: Words) -> str:
    """As the library renders it, but for what has a form of its own here. Numbers are for labels alone."""
    parts: list[str] = []
    plain: list[Token] = []
    numbers = {"fence": 0, "table": 0}

    def flush() -> None:
        parts.append(_PARSER.renderer.render(plain, _PARSER.options, {}))
        plain.clear()

    for token in tokens:
        if token.type == "fence":
            flush()
            numbers["fence"] += 1
            parts.append(_code(token, numbers["fence"], words))
        elif token.type == "table_open":
            flush()
            numbers["table"] += 1
            label = escape(words("guide.table", number=numbers["table"]))
            parts.append(f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">')
            plain.append(token)
        else:
            plain.append(token)
            if token.type == "table_close":
                flush()
                parts.append("</div>\n")
    flush()
    return "".join(parts)


def _code(token: Token, number: int, words: Words) -> str:
    """`output` in its info: what a program above has answered, which nobody copies."""
    is_output = "output" in token.info.split()
    label = escape(words("guide.output", number=number) if is_output else words("guide.code", number=number))
    copied = escape(words("common.copied"))
    button = (
        f'<button type="button" class="button small copy" data-copy="code-{number}" data-done="{copied}" hidden>'
        f"{escape(words('common.copy'))}</button>"
    )
    return (
        f'<div class="code{" output" if is_output else ""}">{"" if is_output else button}'
        f'<pre tabindex="0" role="region" aria-label="{label}"><code id="code-{number}">'
        f"{escape(token.content.rstrip())}</code></pre></div>\n"
    )


def _sections(title: str, tokens: Sequence[Token]) -> Iterable[Section]:
    """In order; each with what stands between its heading and the next."""
    name, shown, texts = "", title, list[str]()
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            yield Section(name, shown, " ".join(texts))
            name, shown, texts = str(token.attrGet("id")), _plain([tokens[place + 1]]), []
        elif token.type == "inline" and tokens[place - 1].type != "heading_open":
            texts.append(_plain([token]))
        elif token.type == "fence":
            texts.append(token.content)
    yield Section(name, shown, " ".join(texts))


def _plain(tokens: Iterable[Token]) -> str:
    """The text of inline tokens, without marks."""
    return "".join(
        child.content or " " * (child.type == "softbreak") for token in tokens for child in token.children or []
    )
