"""Queries of channels and their credentials, within a transaction of `Store`'s."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Row, Select, insert, select, update
from sqlalchemy import delete as delete_from

from torouter.errors import StoreError
from torouter.store.columns import checked, freed_name, set_columns
from torouter.store.rows import ChannelRow, SealedCredential
from torouter.store.schema import channel_credentials, channels
from torouter.store.transactions import conflict
from torouter.units import wall_ms

__all__ = [
    "add_credential",
    "change",
    "change_credential",
    "create",
    "delete",
    "every",
    "get",
    "has_changed",
    "remove_credential",
]

_Rows: TypeAlias = Select[*tuple[Any, ...]]

_OF = channels.c
_THEIRS = channel_credentials.c
_CHANGEABLE: Final = ("name", "kind", "spec", "is_enabled", "managed_by")
_OF_CREDENTIALS: Final = ("label", "tail", "sealed")
_ROWS: _Rows = select(
    *(_OF[name] for name in ChannelRow.__struct_fields__ if name != "credentials"),
).order_by(_OF.id)
_CREDENTIALS: _Rows = select(
    _THEIRS.channel_id, *(_THEIRS[name] for name in SealedCredential.__struct_fields__)
).order_by(_THEIRS.id)


def has_changed(connection: Connection, since: int) -> bool:
    """Always, to those who have seen nothing."""
    if since == 0:
        return True
    return connection.execute(select(_OF.id).where(_OF.revision > since).limit(1)).first() is not None


def every(connection: Connection, include_deleted: bool = False) -> list[ChannelRow]:
    query = _ROWS if include_deleted else _ROWS.where(_OF.deleted_ms.is_(None))
    return _with_credentials(connection.execute(query), connection.execute(_CREDENTIALS))


def get(connection: Connection, channel_id: int) -> ChannelRow:
    found = connection.execute(_ROWS.where(_OF.id == channel_id)).all()
    if not found:
        raise StoreError(_missing(channel_id), kind="not_found")
    return _with_credentials(found, connection.execute(_CREDENTIALS.where(_THEIRS.channel_id == channel_id)))[0]


def create(connection: Connection, number: int, name: str, kind: str, changes: Mapping[str, object]) -> ChannelRow:
    said = {"spec": {}, "is_enabled": True, "managed_by": ""} | checked(changes, _CHANGEABLE, "a channel")
    values = said | {"name": name, "kind": kind, "created_ms": wall_ms(), "revision": number}
    with conflict(f"There is a channel named {name} already."):
        made = connection.execute(insert(channels).values(values).returning(_OF.id)).scalar_one()
    return get(connection, made)


def change(connection: Connection, number: int, channel_id: int, changes: Mapping[str, object]) -> ChannelRow:
    values = checked(changes, _CHANGEABLE, "a channel") | {"revision": number}
    with conflict(f"There is a channel named {changes.get('name')} already."):
        set_columns(connection, channels, channel_id, values, _missing(channel_id))
    return get(connection, channel_id)


def delete(connection: Connection, number: int, channel_id: int) -> ChannelRow:
    values = {"deleted_ms": wall_ms(), "name": freed_name(_OF.name), "revision": number}
    set_columns(connection, channels, channel_id, values, _missing(channel_id))
    connection.execute(delete_from(channel_credentials).where(_THEIRS.channel_id == channel_id))
    return get(connection, channel_id)


def add_credential(
    connection: Connection, number: int, channel_id: int, label: str, tail: str, sealed: bytes
) -> ChannelRow:
    _touch(connection, number, channel_id)
    values = {"channel_id": channel_id, "label": label, "tail": tail, "sealed": sealed, "set_ms": wall_ms()}
    with conflict(_taken(channel_id, label)):
        connection.execute(insert(channel_credentials).values(values))
    return get(connection, channel_id)


def change_credential(
    connection: Connection, number: int, channel_id: int, credential_id: int, changes: Mapping[str, object]
) -> ChannelRow:
    values = checked(changes, _OF_CREDENTIALS, "a credential")
    if "sealed" in values:
        values["set_ms"] = wall_ms()
    _touch(connection, number, channel_id)
    is_asked = (_THEIRS.channel_id == channel_id) & (_THEIRS.id == credential_id)
    with conflict(_taken(channel_id, changes.get("label"))):
        if not connection.execute(update(channel_credentials).where(is_asked).values(values)).rowcount:
            raise StoreError(_without(channel_id, credential_id), kind="not_found")
    return get(connection, channel_id)


def remove_credential(connection: Connection, number: int, channel_id: int, credential_id: int) -> ChannelRow:
    _touch(connection, number, channel_id)
    is_asked = (_THEIRS.channel_id == channel_id) & (_THEIRS.id == credential_id)
    if not connection.execute(delete_from(channel_credentials).where(is_asked)).rowcount:
        raise StoreError(_without(channel_id, credential_id), kind="not_found")
    return get(connection, channel_id)


def _touch(connection: Connection, number: int, channel_id: int) -> None:
    """Who follows changes of channels learns of those of their credentials."""
    set_columns(connection, channels, channel_id, {"revision": number}, _missing(channel_id))


def _with_credentials(
    found: Iterable[Row[*tuple[Any, ...]]], credentials: Iterable[Row[*tuple[Any, ...]]]
) -> list[ChannelRow]:
    by_channel: defaultdict[int, list[SealedCredential]] = defaultdict(list)
    for row in credentials:
        fields = dict(row._mapping)
        by_channel[fields.pop("channel_id")].append(SealedCredential(**fields))
    rows = (dict(row._mapping) for row in found)
    return [ChannelRow(**row, credentials=tuple(by_channel[row["id"]])) for row in rows]


def _missing(channel_id: int) -> str:
    return f"There is no channel {channel_id}."


def _without(channel_id: int, credential_id: int) -> str:
    return f"Channel {channel_id} has no credential {credential_id}."


def _taken(channel_id: int, label: object) -> str:
    return f"Channel {channel_id} has a credential named {label} already."
