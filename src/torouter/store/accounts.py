"""Queries of accounts, within a transaction of `Store`'s."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Row, Select, insert, or_, select

from torouter.errors import StoreError
from torouter.store.columns import checked, freed_name, set_columns
from torouter.store.rows import AccountBilling, AccountRow, AccountStatus, Role
from torouter.store.schema import accounts
from torouter.store.transactions import conflict
from torouter.units import wall_ms

__all__ = ["change", "create", "delete", "emails", "find", "find_by_email", "first", "get", "page"]

# `Any`: a row's types end where a statement is put together from columns; the structs give them back.
_Rows: TypeAlias = Select[*tuple[Any, ...]]

_OF = accounts.c
_CHANGEABLE: Final = ("email", "display_name", "role", "status", "billing")
_ROWS: _Rows = select(*(_OF[name] for name in AccountRow.__struct_fields__)).order_by(_OF.id)


def create(
    connection: Connection, number: int, email: str, display_name: str, role: Role, billing: AccountBilling
) -> AccountRow:
    account = insert(accounts).values(
        email=email,
        display_name=display_name,
        role=role,
        status="active",
        billing=billing,
        created_ms=wall_ms(),
        revision=number,
    )
    with conflict(f"There is an account with the address {email} already."):
        return _of(connection.execute(account.returning(*_ROWS.selected_columns)).one())


def first(connection: Connection) -> AccountRow | None:
    row = connection.execute(_ROWS.where(_OF.deleted_ms.is_(None)).limit(1)).one_or_none()
    return None if row is None else _of(row)


def find(connection: Connection, account_id: int) -> AccountRow | None:
    row = connection.execute(_ROWS.where(_OF.id == account_id)).one_or_none()
    return None if row is None else _of(row)


def get(connection: Connection, account_id: int) -> AccountRow:
    row = find(connection, account_id)
    if row is None:
        raise StoreError(_missing(account_id), kind="not_found")
    return row


def find_by_email(connection: Connection, email: str) -> AccountRow | None:
    row = connection.execute(_ROWS.where(_OF.email == email, _OF.deleted_ms.is_(None))).one_or_none()
    return None if row is None else _of(row)


def page(
    connection: Connection,
    after_id: int,
    limit: int | None,
    include_deleted: bool,
    text: str,
    role: Role | None,
    status: AccountStatus | None,
) -> list[AccountRow]:
    query = _ROWS.where(_OF.id > after_id).limit(limit)
    if not include_deleted:
        query = query.where(_OF.deleted_ms.is_(None))
    if text:
        query = query.where(or_(*(column.icontains(text, autoescape=True) for column in (_OF.email, _OF.display_name))))
    if role is not None:
        query = query.where(_OF.role == role)
    if status is not None:
        query = query.where(_OF.status == status)
    return [_of(row) for row in connection.execute(query)]


def emails(connection: Connection, ids: Collection[int]) -> dict[int, str]:
    query = select(_OF.id, _OF.email).where(_OF.id.in_(ids))
    return {row.id: row.email for row in connection.execute(query)}


def change(connection: Connection, number: int, account_id: int, changes: Mapping[str, object]) -> AccountRow:
    values = checked(changes, _CHANGEABLE, "an account")
    with conflict(f"There is an account with the address {changes.get('email')} already."):
        set_columns(connection, accounts, account_id, values | {"revision": number}, _missing(account_id))
    return get(connection, account_id)


def delete(connection: Connection, number: int, account_id: int) -> AccountRow:
    values = {"deleted_ms": wall_ms(), "email": freed_name(_OF.email), "revision": number}
    set_columns(connection, accounts, account_id, values, _missing(account_id))
    return get(connection, account_id)


def _missing(account_id: int) -> str:
    return f"There is no account {account_id}; `torouter account list` shows the accounts."


def _of(row: Row[*tuple[Any, ...]] | Sequence[Any]) -> AccountRow:
    return AccountRow(**dict(zip(AccountRow.__struct_fields__, row, strict=True)))
