"""Statements that are built once, and how their rows become structs."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import Row, Select, bindparam, or_, select, update

from torouter.store.rows import AccessRow, AccountRow, GroupRow, KeyRow, LimitColumns, UsageRow
from torouter.store.schema import accounts, groups, keys, revision, usage

__all__ = [
    "ACCESS",
    "ACCOUNTS",
    "GROUPS",
    "KEYS",
    "REVISION",
    "TOUCH_KEY",
    "USAGE",
    "to_access",
    "to_account",
    "to_group",
    "to_key",
]

# `Any`: a row's types end where a statement is put together from columns; the structs below give them back.
_Rows: TypeAlias = Select[*tuple[Any, ...]]

ACCOUNTS: _Rows = select(*(column for column in accounts.c if column.name != "revision")).order_by(accounts.c.id)
GROUPS: _Rows = select(*(column for column in groups.c if column.name != "revision")).order_by(groups.c.id)
REVISION = select(revision.c.value)
USAGE: _Rows = select(*(usage.c[name] for name in UsageRow._fields)).order_by(usage.c.id.desc())

KEYS: _Rows = (
    select(
        keys.c.id,
        keys.c.account_id,
        groups.c.name.label("group"),
        keys.c.name,
        keys.c.head,
        keys.c.tail,
        keys.c.models,
        keys.c.status,
        keys.c.expires_ms,
        keys.c.created_ms,
        keys.c.last_used_ms,
        keys.c.deleted_ms,
        keys.c.keep_responses,
        keys.c.ip_allow,
        keys.c.ip_deny,
        keys.c.is_strict,
        keys.c.on_hangup,
        keys.c.spent_nusd,
        keys.c.last_used_address,
        keys.c.replaces_id,
        *(keys.c[name] for name in LimitColumns.__struct_fields__),
    )
    .join(groups, groups.c.id == keys.c.group_id)
    .order_by(keys.c.id)
)

ACCESS: _Rows = (
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
    .join(accounts, accounts.c.id == keys.c.account_id, isouter=True)
    .where(keys.c.deleted_ms.is_(None))
    .order_by(keys.c.id)
)

TOUCH_KEY = (
    update(keys)
    .where(keys.c.id == bindparam("touched_id"))
    .where(or_(keys.c.last_used_ms.is_(None), keys.c.last_used_ms < bindparam("at_ms")))
    .values(last_used_ms=bindparam("at_ms"))
)


def to_account(row: Row[*tuple[Any, ...]]) -> AccountRow:
    return AccountRow(**row._mapping)


def to_group(row: Row[*tuple[Any, ...]]) -> GroupRow:
    fields = dict(row._mapping)
    return GroupRow(**fields | {"models": tuple(fields["models"]), "defaults": LimitColumns(**fields["defaults"])})


def to_key(row: Row[*tuple[Any, ...]]) -> KeyRow:
    fields = dict(row._mapping)
    limits = LimitColumns(**{name: fields.pop(name) for name in LimitColumns.__struct_fields__})
    lists = {name: tuple(fields[name]) for name in ("models", "ip_allow", "ip_deny")}
    return KeyRow(**fields | lists, limits=limits)


def to_access(row: Row[*tuple[Any, ...]]) -> AccessRow:
    return AccessRow(**{**row._mapping, "models": tuple(row._mapping["models"])})
