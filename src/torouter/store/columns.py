"""Changes that are given as columns and their new values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Table, Text, cast, update

from torouter.errors import StoreError

__all__ = ["checked", "freed_name", "set_columns"]


def checked(changes: Mapping[str, object], changeable: Sequence[str], what: str) -> dict[str, object]:
    """The changes, with tuples as lists. Raises `StoreError` for a column that is not among these."""
    unknown = sorted(changes.keys() - set(changeable))
    if unknown:
        raise StoreError(f"Of {what} this cannot be changed: {', '.join(unknown)}.", kind="bad_request")
    return {name: list(value) if isinstance(value, tuple) else value for name, value in changes.items()}


def set_columns(connection: Connection, table: Table, row_id: int, values: Mapping[str, object], missing: str) -> None:
    """Of a row that is not deleted. Raises `StoreError` with that sentence where there is none."""
    change = update(table).where(table.c.id == row_id, table.c.deleted_ms.is_(None)).values(dict(values))
    if not connection.execute(change).rowcount:
        raise StoreError(missing, kind="not_found")


def freed_name(column: Column[Any]) -> Any:
    """The name that a deleted row takes, so that its own may be given again: names are unique over deleted rows too."""
    return column.concat(" (deleted ").concat(cast(column.table.c.id, Text)).concat(")")
