"""Statements over many rows at once, without SQLAlchemy's work for each row.

A statement reads its rows from a table named `given`. SQLite gets them as values, in blocks: the driver hands the
interpreter's lock over for each statement, and another thread that is busy makes each of these hand-overs a wait for
both. PostgreSQL gets them as one JSON text, which costs its driver, written in Python, as much as a single value; of
the ways to take that apart its server is fastest with `jsonb_array_elements` (a usage row: 10 µs in all, and 36 µs
with `json_array_elements`, 15 with `json_to_recordset`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection

__all__ = ["Bulk", "ColumnType"]

ColumnType = Literal["bigint", "integer", "text", "boolean"]

_MOST_VARIABLES: Final = 4096
"""SQLite takes 32766 since 3.32, and these statements need 3.35. Larger blocks were no faster."""


class Bulk:
    """One such statement. `given` are its columns and their types. Rows are in their order."""

    __slots__ = ("_columns", "_most_rows", "_statement", "_whole")

    def __init__(self, given: Mapping[str, ColumnType], statement: str) -> None:
        self._columns = ", ".join(f'"{name}"' for name in given)
        self._statement = statement
        self._most_rows = 1 << ((_MOST_VARIABLES // len(given)).bit_length() - 1)
        fields = ", ".join(f"(value->>{place})::{kind}" for place, kind in enumerate(given.values()))
        self._whole = (
            f"WITH given ({self._columns}) AS (SELECT {fields} FROM jsonb_array_elements(CAST(%s AS jsonb)))"  # noqa: S608
            f" {statement}"
        )

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """What the statement returns, if it does. Rows take effect in their order."""
        if connection.dialect.name != "sqlite":
            return _fetched(connection, self._whole, (_as_json(rows),)) if rows else []
        return list(chain.from_iterable(self._blocks(connection, rows)))

    def _blocks(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
        start = 0
        while start < len(rows):
            # Powers of two, so that there are few texts: the driver keeps what it has compiled.
            size = min(self._most_rows, 1 << ((len(rows) - start).bit_length() - 1))
            block = tuple(chain.from_iterable(rows[start : start + size]))
            yield _fetched(connection, self._of_size(size, len(block) // size), block)
            start += size

    def _of_size(self, rows: int, columns: int) -> str:
        return f"WITH given ({self._columns}) AS (VALUES {_marks(rows, columns)}) {self._statement}"


def _as_json(rows: Sequence[tuple[Any, ...]]) -> str:
    """PostgreSQL has no text with a NUL in it, which a client may well write into the name of a model."""
    text = msgspec.json.encode(rows).decode()
    if "\\u0000" not in text:
        return text
    return msgspec.json.encode([tuple(map(_without_nul, row)) for row in rows]).decode()


def _without_nul(value: Any) -> Any:
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


@lru_cache(maxsize=256)
def _marks(rows: int, columns: int) -> str:
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)


def _fetched(connection: Connection, text: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    result = connection.exec_driver_sql(text, values)
    return list(map(tuple, result)) if result.returns_rows else []
