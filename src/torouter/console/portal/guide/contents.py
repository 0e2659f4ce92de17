"""Which pages the guide has, in the order in which one reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["CHAPTERS", "NAMES", "Chapter", "neighbours"]


@dataclass(frozen=True, slots=True)
class Chapter:
    """`name` is a key of the portal's words; `pages` are names of files, and of paths below `/docs`."""

    name: str
    pages: tuple[str, ...]


CHAPTERS: Final = (
    Chapter("begin", ("getting-started", "base-urls", "models", "clients", "agents")),
    Chapter(
        "protocols",
        ("openai-chat", "openai-responses", "anthropic", "gemini", "streaming", "translation", "media"),
    ),
    Chapter("keys", ("keys", "limits", "routing", "errors")),
)
NAMES: Final = tuple(name for chapter in CHAPTERS for name in chapter.pages)


def neighbours(name: str) -> tuple[str | None, str | None]:
    """The pages before and behind it."""
    place = NAMES.index(name)
    before = NAMES[place - 1] if place else None
    behind = NAMES[place + 1] if place + 1 < len(NAMES) else None
    return before, behind
