"""One thing that callers ask for, and the words for it in each dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.matrix.cells import Cell

__all__ = [
    "A",
    "Ask",
    "C",
    "G",
    "R",
    "Refused",
    "Reported",
    "chat",
    "content",
    "gemini",
    "messages",
    "responses",
    "text",
    "towards",
    "user",
]

Json = dict[str, Any]

C, R, A, G = "openai-chat", "openai-responses", "anthropic", "gemini"


@dataclass(frozen=True, slots=True)
class Reported:
    """The upstream is asked without it, or for something near it, and the header names these fields."""

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A 400 that names this field; the upstream is not asked."""

    field: str


Fate = Reported | Refused
Pairs = dict[tuple[str, str], Fate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """`said`: the body by client (who is not there cannot say it). `wanted`: the pattern by upstream, for all that is
    not refused. `fates`: by (client, upstream), where it is not simply mapped; `near`: the pattern of a cell that
    cannot give what is wanted."""

    name: str
    said: Mapping[str, Json]
    wanted: Mapping[str, Any]
    fates: Mapping[tuple[str, str], Fate] = field(default_factory=dict)
    near: Mapping[tuple[str, str], Any] = field(default_factory=dict)

    def fate(self, cell: Cell) -> Fate | None:
        return self.fates.get((cell.client, cell.upstream))

    def pattern(self, cell: Cell) -> Any:
        return self.near.get((cell.client, cell.upstream), self.wanted.get(cell.upstream))


def towards(upstream: str, fate: Fate, *clients: str) -> Pairs:
    """The same fate for some clients of one upstream."""
    return {(client, upstream): fate for client in clients}


def user(said: object) -> Json:
    return {"role": "user", "content": said}


def chat(*said: Any, **fields: Any) -> Json:
    """Strings are user messages."""
    return {"messages": [user(each) if isinstance(each, str) else each for each in said], **fields}


def responses(*items: Any, **fields: Any) -> Json:
    return {"input": [user(each) if isinstance(each, str) else each for each in items], **fields}


def messages(*said: Any, **fields: Any) -> Json:
    return {"max_tokens": 2048, **chat(*said, **fields)}


def gemini(*contents: Any, **fields: Any) -> Json:
    return {
        "contents": [content("user", {"text": each}) if isinstance(each, str) else each for each in contents],
        **fields,
    }


def content(role: str, *parts: Json) -> Json:
    return {"role": role, "parts": list(parts)}


def text(*wanted: str) -> Any:
    """A pattern: these texts, as parts, or the only one as a string. Both are said everywhere."""

    def says(value: object) -> bool:
        parts = value if isinstance(value, list) else [{"text": value}]
        return [part.get("text") for part in parts if isinstance(part, dict)] == list(wanted)

    return says
