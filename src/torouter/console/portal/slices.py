"""Long lists on pages: a part of them at a time, and the way to the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

from torouter.console.portal.fields import Fields

__all__ = ["Slice", "slice_of"]

T = TypeVar("T")

_ROWS: Final = 50


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """`first` and `last` count from 1; `earlier` and `later` are the queries of the neighbours, empty at the ends."""

    rows: Sequence[T]
    total: int
    first: int
    last: int
    earlier: str
    later: str


def slice_of(rows: Sequence[T], query: Fields, name: str = "page", most: int = _ROWS) -> Slice[T]:
    """The part that the query's field `name` asks for, counted from 1; the last one where it asks for more."""
    pages = max(1, -(-len(rows) // most))
    text = query.get(name, "")
    page = min(int(text), pages) if text.isdecimal() and 0 < len(text) < 10 and int(text) else 1
    start = (page - 1) * most
    shown = rows[start : start + most]
    others = {field: value for field, value in query.items() if field not in (name, "told") and value}
    return Slice(
        rows=shown,
        total=len(rows),
        first=start + 1 if shown else 0,
        last=start + len(shown),
        earlier=f"?{urlencode(others | {name: page - 1})}" if page > 1 else "",
        later=f"?{urlencode(others | {name: page + 1})}" if page < pages else "",
    )
