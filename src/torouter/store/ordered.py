"""Locks on rows, taken in one order: two who want the same rows wait for each other, and never both for ever."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table

from torouter.store.bulk import Bulk

__all__ = ["lock_in_order"]


def lock_in_order(connection: Connection, table: Table, ids: Sequence[int]) -> None:
    """On PostgreSQL; who writes to SQLite is alone. An update of many rows would lock them in any order."""
    if connection.dialect.name == "sqlite" or len(ids) < 2:
        return
    lock = f"SELECT id FROM {table.name} JOIN given ON id = which ORDER BY id FOR NO KEY UPDATE OF {table.name}"  # noqa: S608
    Bulk({"which": "bigint"}, lock).run(connection, [(each,) for each in ids])
