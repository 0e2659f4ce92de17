"""Queries of the tokens of the management API, within a transaction of `Store`'s."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import Connection, Select, insert, or_, select, update

from torouter.store.columns import set_columns
from torouter.store.rows import AdminTokenRow
from torouter.store.schema import admin_tokens
from torouter.store.transactions import conflict
from torouter.units import wall_ms

__all__ = ["add", "delete", "every", "find", "touch"]

_Rows: TypeAlias = Select[*tuple[Any, ...]]

_OF = admin_tokens.c
_ROWS: _Rows = select(*(_OF[name] for name in AdminTokenRow.__struct_fields__)).order_by(_OF.id)


def add(
    connection: Connection, account_id: int, name: str, token_hash: bytes, head: str, expires_ms: int | None
) -> AdminTokenRow:
    token = insert(admin_tokens).values(
        account_id=account_id,
        name=name,
        token_hash=token_hash,
        head=head,
        created_ms=wall_ms(),
        expires_ms=expires_ms,
    )
    with conflict("This token exists already, or its account does not exist."):
        return AdminTokenRow(**connection.execute(token.returning(*_ROWS.selected_columns)).one()._mapping)


def find(connection: Connection, token_hash: bytes) -> AdminTokenRow | None:
    row = connection.execute(_ROWS.where(_OF.token_hash == token_hash, _OF.deleted_ms.is_(None))).one_or_none()
    return None if row is None else AdminTokenRow(**row._mapping)


def every(connection: Connection, include_deleted: bool) -> list[AdminTokenRow]:
    query = _ROWS if include_deleted else _ROWS.where(_OF.deleted_ms.is_(None))
    return [AdminTokenRow(**row._mapping) for row in connection.execute(query)]


def delete(connection: Connection, token_id: int) -> AdminTokenRow:
    set_columns(connection, admin_tokens, token_id, {"deleted_ms": wall_ms()}, f"There is no admin token {token_id}.")
    return AdminTokenRow(**connection.execute(_ROWS.where(_OF.id == token_id)).one()._mapping)


def touch(connection: Connection, token_id: int, at_ms: int) -> None:
    is_later = or_(_OF.last_used_ms.is_(None), _OF.last_used_ms < at_ms)
    connection.execute(update(admin_tokens).where(_OF.id == token_id, is_later).values(last_used_ms=at_ms))
