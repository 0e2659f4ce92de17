"""Queries of kept responses, within a transaction of `Store`'s."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from torouter.store.rows import KeptResponseRow
from torouter.store.schema import kept_responses

__all__ = ["delete_row", "delete_rows", "due_ids", "find_sealed", "insert_row", "shorten_rows"]

_OF = kept_responses.c


def insert_row(connection: Connection, row: KeptResponseRow) -> None:
    connection.execute(insert(kept_responses).values(**msgspec.structs.asdict(row), sealed_bytes=len(row.sealed)))


def find_sealed(connection: Connection, account_id: int, response_id: str, now_ms: int) -> bytes | None:
    query = select(_OF.sealed).where(_is(account_id, response_id, now_ms))
    return connection.execute(query).scalar_one_or_none()


def delete_row(connection: Connection, account_id: int, response_id: str, now_ms: int) -> bool:
    deletion = delete(kept_responses).where(_is(account_id, response_id, now_ms))
    return bool(connection.execute(deletion).rowcount)


def shorten_rows(connection: Connection, ttl_ms: int) -> None:
    latest_ms = _OF.created_ms + ttl_ms
    connection.execute(update(kept_responses).where(_OF.expires_ms > latest_ms).values(expires_ms=latest_ms))


def delete_rows(connection: Connection, ids: Sequence[str]) -> int:
    return int(connection.execute(delete(kept_responses).where(_OF.id.in_(ids))).rowcount)


def due_ids(connection: Connection, now_ms: int, account_limit_bytes: int, limit_rows: int) -> Sequence[str]:
    """Of what has expired, and of the oldest of accounts that keep more than they may."""
    newer_bytes = func.sum(_OF.sealed_bytes).over(
        partition_by=_OF.account_id, order_by=(_OF.created_ms.desc(), _OF.id.desc())
    )
    ranked = select(_OF.id, _OF.expires_ms, newer_bytes.label("newer_bytes")).subquery()
    is_due = or_(ranked.c.expires_ms <= now_ms, ranked.c.newer_bytes > account_limit_bytes)
    return connection.execute(select(ranked.c.id).where(is_due).limit(limit_rows)).scalars().all()


def _is(account_id: int, response_id: str, now_ms: int) -> ColumnElement[bool]:
    return and_(_OF.id == response_id, _OF.account_id == account_id, _OF.expires_ms > now_ms)
