"""Queries of keys, within a transaction of `Store`'s."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, Row, Select, func, insert, select, update

from torouter.errors import StoreError
from torouter.store import groups as groups_of
from torouter.store.columns import checked, set_columns
from torouter.store.ordered import lock_in_order
from torouter.store.rows import KeyRow, KeysOf, LimitColumns
from torouter.store.schema import accounts, groups, keys
from torouter.store.transactions import conflict
from torouter.units import wall_ms

__all__ = [
    "change",
    "count_by_group",
    "create",
    "delete",
    "end_of_sessions",
    "find",
    "get",
    "hash_of",
    "names",
    "of_accounts",
    "of_session",
    "page",
    "sweep_of_sessions",
]

_Rows: TypeAlias = Select[*tuple[Any, ...]]

_OF = keys.c
_LIMITS: Final = LimitColumns.__struct_fields__
_CHANGEABLE: Final = (
    "group_id",
    "name",
    "models",
    "status",
    "expires_ms",
    "keep_responses",
    *_LIMITS,
    "ip_allow",
    "ip_deny",
    "is_strict",
    "on_hangup",
)
_SWEPT_ROWS: Final = 1000
_IS_OF_SESSION: Final = (_OF.session_id.is_not(None), _OF.deleted_ms.is_(None))
_ROWS: _Rows = (
    select(
        groups.c.name.label("group"),
        *(_OF[name] for name in KeyRow.__struct_fields__ if name not in {"group", "limits"}),
        *(_OF[name] for name in _LIMITS),
    )
    .join(groups, groups.c.id == _OF.group_id)
    .order_by(_OF.id)
)


def create(connection: Connection, number: int, group: str | int, values: Mapping[str, object]) -> KeyRow:
    """`values` are columns and their values, beside those that every new key gets."""
    row = {**values, "group_id": groups_of.id_of(connection, group), "created_ms": wall_ms(), "revision": number}
    _require_account(connection, row["account_id"])
    with conflict("This key exists already (a deleted one cannot come back)."):
        key_id = connection.execute(insert(keys).values(row).returning(_OF.id)).scalar_one()
    return get(connection, key_id)


def hash_of(connection: Connection, key_id: int) -> bytes | None:
    """`None` for one that is not there, or was deleted."""
    found = select(_OF.key_hash).where(_OF.id == key_id, _OF.deleted_ms.is_(None))
    key_hash: bytes | None = connection.execute(found).scalar_one_or_none()
    return key_hash


def find(connection: Connection, key_hash: bytes) -> KeyRow | None:
    row = connection.execute(_ROWS.where(_OF.key_hash == key_hash)).one_or_none()
    return None if row is None else _of(row)


def get(connection: Connection, key_id: int) -> KeyRow:
    row = connection.execute(_ROWS.where(_OF.id == key_id)).one_or_none()
    if row is None:
        raise StoreError(_missing(key_id), kind="not_found")
    return _of(row)


def page(
    connection: Connection, account_id: int | None, include_deleted: bool, after_id: int, limit: int | None
) -> list[KeyRow]:
    query = _ROWS.where(_OF.id > after_id).limit(limit)
    if account_id is not None:
        query = query.where(_OF.account_id == account_id)
    if not include_deleted:
        query = query.where(_OF.deleted_ms.is_(None), _OF.session_id.is_(None))
    return [_of(row) for row in connection.execute(query)]


def of_session(connection: Connection, session_id: int) -> list[KeyRow]:
    """Those that are not deleted, by id."""
    is_asked = (_OF.session_id == session_id) & _OF.deleted_ms.is_(None)
    return [_of(row) for row in connection.execute(_ROWS.where(is_asked))]


def count_by_group(connection: Connection) -> dict[int, int]:
    query = select(_OF.group_id, func.count()).where(_OF.deleted_ms.is_(None)).group_by(_OF.group_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def names(connection: Connection, ids: Collection[int]) -> dict[int, str]:
    query = select(_OF.id, _OF.name).where(_OF.id.in_(ids))
    return {row.id: row.name for row in connection.execute(query)}


def of_accounts(connection: Connection, account_ids: Collection[int]) -> dict[int, KeysOf]:
    is_there = func.count().filter(_OF.deleted_ms.is_(None))
    query = select(_OF.account_id, is_there, func.max(_OF.last_used_ms)).where(_OF.account_id.in_(account_ids))
    return {row[0]: KeysOf(row[1], row[2]) for row in connection.execute(query.group_by(_OF.account_id))}


def change(connection: Connection, number: int, key_id: int, changes: Mapping[str, object]) -> KeyRow:
    """`group` (name or id) beside the columns."""
    given = dict(changes)
    if "group" in given:
        group = given.pop("group")
        assert isinstance(group, str | int)
        given["group_id"] = groups_of.id_of(connection, group)
    values = checked(given, _CHANGEABLE, "a key")
    set_columns(connection, keys, key_id, values | {"revision": number}, _missing(key_id))
    return get(connection, key_id)


def delete(connection: Connection, number: int, key_id: int) -> KeyRow:
    set_columns(connection, keys, key_id, {"deleted_ms": wall_ms(), "revision": number}, _missing(key_id))
    return get(connection, key_id)


def end_of_sessions(
    connection: Connection, number: int, *, session_id: int | None = None, account_id: int | None = None
) -> None:
    """Deletes the keys of a session, or those of all sessions of an account."""
    which = _OF.session_id == session_id if account_id is None else _OF.account_id == account_id
    _delete_of_sessions(connection, number, which)


def sweep_of_sessions(connection: Connection, number: int, now_ms: int) -> None:
    due = select(_OF.id).where(_OF.expires_ms <= now_ms, *_IS_OF_SESSION).order_by(_OF.id).limit(_SWEPT_ROWS)
    _delete_of_sessions(connection, number, _OF.id.in_(due))


def _delete_of_sessions(connection: Connection, number: int, which: ColumnElement[bool]) -> None:
    ids = list(connection.execute(select(_OF.id).where(which, *_IS_OF_SESSION).order_by(_OF.id)).scalars())
    lock_in_order(connection, keys, ids)
    connection.execute(update(keys).where(_OF.id.in_(ids)).values(deleted_ms=wall_ms(), revision=number))


def _require_account(connection: Connection, account_id: object) -> None:
    is_asked = (accounts.c.id == account_id) & accounts.c.deleted_ms.is_(None)
    if connection.execute(select(accounts.c.id).where(is_asked)).first() is None:
        raise StoreError(f"There is no account {account_id}: its account does not exist.", kind="not_found")


def _missing(key_id: int) -> str:
    return f"There is no key {key_id}; `torouter key list` shows the keys."


def _of(row: Row[*tuple[Any, ...]]) -> KeyRow:
    fields: dict[str, Any] = dict(row._mapping)
    limits = LimitColumns(**{name: fields.pop(name) for name in _LIMITS})
    lists: dict[str, Any] = {name: tuple(fields[name]) for name in ("models", "ip_allow", "ip_deny")}
    return KeyRow(**fields | lists, limits=limits)
