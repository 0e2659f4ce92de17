"""Queries of groups, within a transaction of `Store`'s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import Connection, Row, Select, insert, select

from torouter.errors import StoreError
from torouter.store.columns import checked, freed_name, set_columns
from torouter.store.rows import GroupRow, LimitColumns
from torouter.store.schema import groups, keys, subscriptions
from torouter.store.transactions import conflict
from torouter.units import wall_ms

__all__ = ["change", "create", "delete", "every", "get", "id_of"]

_Rows: TypeAlias = Select[*tuple[Any, ...]]

_OF = groups.c
_CHANGEABLE: Final = ("name", "platform", "billing", "multiplier_ppm", "models", "defaults", "routing", "managed_by")
_ROWS: _Rows = select(*(_OF[name] for name in GroupRow.__struct_fields__)).order_by(_OF.id)


def create(connection: Connection, number: int, name: str, changes: Mapping[str, object]) -> GroupRow:
    values = _checked(changes) | {"name": name, "created_ms": wall_ms(), "revision": number}
    with conflict(f"There is a group named {name} already."):
        return _of(connection.execute(insert(groups).values(values).returning(*_ROWS.selected_columns)).one())


def every(connection: Connection, include_deleted: bool = False) -> list[GroupRow]:
    query = _ROWS if include_deleted else _ROWS.where(_OF.deleted_ms.is_(None))
    return [_of(row) for row in connection.execute(query)]


def get(connection: Connection, group: str | int) -> GroupRow:
    """By name, or by id. Deleted ones only by id."""
    is_asked = _OF.id == group if isinstance(group, int) else (_OF.name == group) & _OF.deleted_ms.is_(None)
    row = connection.execute(_ROWS.where(is_asked)).one_or_none()
    if row is None:
        raise StoreError(_missing(connection, group), kind="not_found")
    return _of(row)


def id_of(connection: Connection, group: str | int) -> int:
    """Of a group that keys may be given to: one that is not deleted."""
    found = get(connection, group)
    if found.deleted_ms is not None:
        raise StoreError(_missing(connection, group), kind="not_found")
    return found.id


def change(connection: Connection, number: int, group_id: int, changes: Mapping[str, object]) -> GroupRow:
    values = _checked(changes) | {"revision": number}
    with conflict(f"There is a group named {changes.get('name')} already."):
        set_columns(connection, groups, group_id, values, _missing(connection, group_id))
    return get(connection, group_id)


def delete(connection: Connection, number: int, group_id: int) -> GroupRow:
    """Refused while a key or a subscription that is not over belongs to it."""
    _refuse_in_use(connection, group_id)
    values = {"deleted_ms": wall_ms(), "name": freed_name(_OF.name), "revision": number}
    set_columns(connection, groups, group_id, values, _missing(connection, group_id))
    return get(connection, group_id)


def _refuse_in_use(connection: Connection, group_id: int) -> None:
    of_keys = select(keys.c.id).where(keys.c.group_id == group_id, keys.c.deleted_ms.is_(None)).limit(1)
    if connection.execute(of_keys).first() is not None:
        raise StoreError(f"Group {group_id} has keys: move or delete them first.", kind="conflict")
    is_in_force = (subscriptions.c.group_id == group_id) & (subscriptions.c.status != "cancelled")
    if connection.execute(select(subscriptions.c.id).where(is_in_force).limit(1)).first() is not None:
        raise StoreError(f"Group {group_id} has subscriptions: cancel them first.", kind="conflict")


def _checked(changes: Mapping[str, object]) -> dict[str, object]:
    values = checked(changes, _CHANGEABLE, "a group")
    defaults = values.get("defaults")
    if isinstance(defaults, LimitColumns):
        values["defaults"] = {name: limit for name, limit in msgspec.structs.asdict(defaults).items() if limit}
    return values


def _missing(connection: Connection, group: str | int) -> str:
    names = ", ".join(row.name for row in every(connection))
    return f"There is no group {'named ' if isinstance(group, str) else ''}{group}; the groups are: {names}."


def _of(row: Row[*tuple[Any, ...]]) -> GroupRow:
    fields = dict(row._mapping)
    return GroupRow(**fields | {"models": tuple(fields["models"]), "defaults": LimitColumns(**fields["defaults"])})
