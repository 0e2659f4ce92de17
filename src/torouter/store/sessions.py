"""Queries of passwords and sessions, within a transaction of `Store`'s."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Select, delete, insert, or_, select, update

from torouter.store.columns import set_columns
from torouter.store.rows import SessionRow
from torouter.store.schema import accounts, sessions

__all__ = [
    "end",
    "end_all",
    "find",
    "find_password",
    "has_password",
    "insert_row",
    "is_there",
    "of_account",
    "set_password",
    "sweep",
    "touch",
]

_Rows: TypeAlias = Select[*tuple[Any, ...]]

_OF = sessions.c
_ROWS: _Rows = select(*(_OF[name] for name in SessionRow.__struct_fields__))
_SWEPT_ROWS: Final = 1000


def find_password(connection: Connection, email: str) -> tuple[int, str | None] | None:
    query = select(accounts.c.id, accounts.c.password_hash)
    row = connection.execute(query.where(accounts.c.email == email, accounts.c.deleted_ms.is_(None))).one_or_none()
    return None if row is None else (row.id, row.password_hash)


def has_password(connection: Connection, account_id: int) -> bool:
    query = select(accounts.c.password_hash).where(accounts.c.id == account_id)
    return connection.execute(query).scalar_one_or_none() is not None


def set_password(connection: Connection, account_id: int, password_hash: str | None) -> None:
    set_columns(
        connection, accounts, account_id, {"password_hash": password_hash}, f"There is no account {account_id}."
    )
    end_all(connection, account_id)


def insert_row(
    connection: Connection, account_id: int, token_hash: bytes, created_ms: int, expires_ms: int, address: str
) -> SessionRow:
    session = insert(sessions).values(
        account_id=account_id,
        token_hash=token_hash,
        created_ms=created_ms,
        seen_ms=created_ms,
        expires_ms=expires_ms,
        address=address,
    )
    return SessionRow(**connection.execute(session.returning(*_ROWS.selected_columns)).one()._mapping)


def find(connection: Connection, token_hash: bytes) -> SessionRow | None:
    row = connection.execute(_ROWS.where(_OF.token_hash == token_hash)).one_or_none()
    return None if row is None else SessionRow(**row._mapping)


def is_there(connection: Connection, session_id: int) -> bool:
    return connection.execute(select(_OF.id).where(_OF.id == session_id)).first() is not None


def touch(connection: Connection, session_id: int, at_ms: int) -> None:
    is_later = _OF.seen_ms < at_ms
    connection.execute(update(sessions).where(_OF.id == session_id, is_later).values(seen_ms=at_ms))


def end(connection: Connection, session_id: int) -> None:
    connection.execute(delete(sessions).where(_OF.id == session_id))


def end_all(connection: Connection, account_id: int) -> int:
    return int(connection.execute(delete(sessions).where(_OF.account_id == account_id)).rowcount)


def of_account(connection: Connection, account_id: int) -> list[SessionRow]:
    query = _ROWS.where(_OF.account_id == account_id).order_by(_OF.seen_ms.desc(), _OF.id)
    return [SessionRow(**row._mapping) for row in connection.execute(query)]


def sweep(connection: Connection, now_ms: int, idle_ms: int) -> None:
    is_over = or_(_OF.expires_ms <= now_ms, _OF.seen_ms <= now_ms - idle_ms)
    due = select(_OF.id).where(is_over).limit(_SWEPT_ROWS)
    connection.execute(delete(sessions).where(_OF.id.in_(due)))
