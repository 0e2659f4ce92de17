"""Queries of journal segments that are stored, within a transaction of `Store`'s."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, delete, select, text

from torouter.store.schema import segments

__all__ = ["forget", "has", "is_new"]

_ENTER: Final = text("INSERT INTO segments (name, at_ms) VALUES (:name, :at_ms) ON CONFLICT (name) DO NOTHING")
_BLOCK_NAMES: Final = 500


def is_new(connection: Connection, name: str, now_ms: int) -> bool:
    """Enters it, and says whether it was not there."""
    return bool(connection.execute(_ENTER, {"name": name, "at_ms": now_ms}).rowcount)


def has(connection: Connection, name: str) -> bool:
    return connection.execute(select(segments.c.name).where(segments.c.name == name)).first() is not None


def forget(connection: Connection, names: Sequence[str]) -> None:
    for start in range(0, len(names), _BLOCK_NAMES):
        connection.execute(delete(segments).where(segments.c.name.in_(names[start : start + _BLOCK_NAMES])))
