"""Queries of what was done once, within a transaction of `Store`'s."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select, text

from torouter.store.schema import done_once

__all__ = ["find", "keep"]

_OF = done_once.c
_KEEP: Final = text(
    "INSERT INTO done_once (name, expires_ms, sealed) VALUES (:name, :expires_ms, :sealed) "
    "ON CONFLICT (name) DO UPDATE SET expires_ms = excluded.expires_ms, sealed = excluded.sealed"
)
"""There may be one of that name that has expired."""


def find(connection: Connection, name: bytes, now_ms: int) -> bytes | None:
    query = select(_OF.sealed).where(_OF.name == name, _OF.expires_ms > now_ms)
    return connection.execute(query).scalar_one_or_none()


def keep(connection: Connection, name: bytes, sealed: bytes, expires_ms: int) -> None:
    connection.execute(_KEEP, {"name": name, "expires_ms": expires_ms, "sealed": sealed})
