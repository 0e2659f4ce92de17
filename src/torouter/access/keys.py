"""The store's rows as the keys of a snapshot."""

from __future__ import annotations

from torouter.routing.snapshot import Key
from torouter.store import AccessRows

__all__ = ["keys_of"]


def keys_of(rows: AccessRows) -> dict[bytes, Key]:
    """By keyed hash."""
    return {
        row.key_hash: Key(
            id=row.key_id,
            name=row.key_name,
            account_id=row.account_id,
            group=row.group,
            models=frozenset(row.models),
            is_enabled=row.key_status == "enabled",
            has_account=row.account_status is not None,
            is_account_active=row.account_status == "active",
            expires_ms=row.expires_ms,
            keep_responses=row.keep_responses,
        )
        for row in rows.keys
    }
