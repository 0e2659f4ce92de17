"""Queries of the vault, within a transaction of `Store`'s."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, delete, func, select, text

from torouter.store.schema import vault

__all__ = ["find", "keep", "tidy"]

_BLOCK_KEYS: Final = 500
_TIDY_ROWS: Final = 5000
_KEEP: Final = text(
    "INSERT INTO vault (key, value, expires_ms) VALUES (:key, :value, :expires_ms) "
    "ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_ms = excluded.expires_ms"
)


def keep(connection: Connection, rows: Sequence[tuple[bytes, bytes, int]]) -> None:
    newest = {key: {"key": key, "value": value, "expires_ms": expires_ms} for key, value, expires_ms in rows}
    # In one order, so that two who write the same keys wait for each other in one direction.
    connection.execute(_KEEP, [newest[key] for key in sorted(newest)])


def find(connection: Connection, wanted: Sequence[bytes], now_ms: int) -> dict[bytes, tuple[bytes, int]]:
    found: dict[bytes, tuple[bytes, int]] = {}
    for block in _blocks(wanted):
        query = select(vault.c.key, vault.c.value, vault.c.expires_ms)
        query = query.where(vault.c.key.in_(block), vault.c.expires_ms > now_ms)
        found |= {row.key: (row.value, row.expires_ms) for row in connection.execute(query)}
    return found


def tidy(connection: Connection, now_ms: int, most_rows: int) -> None:
    excess = connection.execute(select(func.count()).select_from(vault)).scalar_one() - most_rows
    oldest = select(vault.c.key).order_by(vault.c.expires_ms)
    if excess > 0:
        connection.execute(delete(vault).where(vault.c.key.in_(oldest.limit(min(excess, _TIDY_ROWS)))))
    expired = oldest.where(vault.c.expires_ms <= now_ms).limit(_TIDY_ROWS)
    connection.execute(delete(vault).where(vault.c.key.in_(expired)))


def _blocks(wanted: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (wanted[start : start + _BLOCK_KEYS] for start in range(0, len(wanted), _BLOCK_KEYS))
