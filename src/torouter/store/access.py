"""What deciding about a request takes, of all keys at once."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, Select, select

from torouter.store.changes import revision_of
from torouter.store.rows import AccessRow, AccessRows
from torouter.store.schema import accounts, groups, keys

__all__ = ["read"]

_Rows: TypeAlias = Select[*tuple[Any, ...]]

_ROWS: _Rows = (
    select(
        keys.c.id.label("key_id"),
        keys.c.key_hash,
        keys.c.name.label("key_name"),
        keys.c.status.label("key_status"),
        keys.c.models,
        keys.c.expires_ms,
        keys.c.account_id,
        accounts.c.status.label("account_status"),
        accounts.c.role,
        keys.c.group_id,
        groups.c.name.label("group"),
        keys.c.keep_responses,
    )
    .join(groups, groups.c.id == keys.c.group_id)
    # A key whose account is gone is shown, so that its holder can be told so rather than that the key is unknown.
    .join(accounts, (accounts.c.id == keys.c.account_id) & accounts.c.deleted_ms.is_(None), isouter=True)
    .where(keys.c.deleted_ms.is_(None))
    .order_by(keys.c.id)
)


def read(connection: Connection) -> AccessRows:
    number = revision_of(connection)
    return AccessRows(revision=number, keys=tuple(_of(row) for row in connection.execute(_ROWS)))


def _of(row: Row[*tuple[Any, ...]]) -> AccessRow:
    return AccessRow(**{**row._mapping, "models": tuple(row._mapping["models"])})
