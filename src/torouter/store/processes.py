"""Queries of the processes that serve, within a transaction of `Store`'s."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from torouter.store.rows import ProcessRow
from torouter.store.schema import processes

__all__ = ["beat", "leave", "live"]

_OF = processes.c
_FORGOTTEN_MS: Final = 24 * 3_600_000


def beat(connection: Connection, row: ProcessRow) -> None:
    """Rows that have long been silent go: their processes ended without a word."""
    connection.execute(delete(processes).where(_OF.seen_ms < row.seen_ms - _FORGOTTEN_MS))
    values = msgspec.structs.asdict(row)
    if not connection.execute(update(processes).where(_OF.id == row.id).values(values)).rowcount:
        connection.execute(insert(processes).values(values))


def leave(connection: Connection, process_id: str) -> None:
    connection.execute(delete(processes).where(_OF.id == process_id))


def live(connection: Connection, since_ms: int) -> list[ProcessRow]:
    query = select(processes).where(_OF.seen_ms >= since_ms).order_by(_OF.started_ms, _OF.id)
    return [ProcessRow(**row._mapping) for row in connection.execute(query)]
