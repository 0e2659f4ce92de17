"""Rows as the store gives them, with what a test does not care about filled in."""

from __future__ import annotations

from typing import Any

from torouter.store import AccessKeyRow, AccountRow, Changes, GroupRow, LimitColumns, SubscriptionRow

__all__ = ["account_row", "changes", "group_row", "key_row", "subscription_row"]


def key_row(key_id: int = 7, **given: Any) -> AccessKeyRow:
    fields: dict[str, Any] = {
        "key_hash": f"hash of {key_id}".encode(),
        "name": "k",
        "account_id": 3,
        "group_id": 1,
        "models": (),
        "status": "enabled",
        "expires_ms": None,
        "keep_responses": None,
        "limits": LimitColumns(),
        "ip_allow": (),
        "ip_deny": (),
        "is_strict": None,
        "on_hangup": None,
        "is_deleted": False,
    }
    return AccessKeyRow(id=key_id, **fields | given)


def account_row(account_id: int = 3, **given: Any) -> AccountRow:
    fields: dict[str, Any] = {
        "email": f"{account_id}@example.com",
        "display_name": "A",
        "role": "user",
        "status": "active",
        "created_ms": 0,
        "billing": "unlimited",
    }
    return AccountRow(id=account_id, **fields | given)


def group_row(group_id: int = 1, name: str = "default", **given: Any) -> GroupRow:
    return GroupRow(id=group_id, name=name, created_ms=0, **given)


def subscription_row(**given: Any) -> SubscriptionRow:
    fields: dict[str, Any] = {
        "id": 5,
        "account_id": 3,
        "group_id": 1,
        "plan_id": 1,
        "status": "active",
        "started_ms": 0,
        "ends_ms": None,
        "created_ms": 0,
        "daily_nusd": 0,
        "weekly_nusd": 0,
        "monthly_nusd": 0,
    }
    return SubscriptionRow(**fields | given)


def changes(
    *keys: AccessKeyRow,
    revision: int = 1,
    accounts: tuple[AccountRow, ...] = (),
    groups: tuple[GroupRow, ...] | None = None,
    subscriptions: tuple[SubscriptionRow, ...] = (),
) -> Changes:
    """The group `default` is there unless others are given."""
    return Changes(
        revision=revision,
        keys=keys,
        accounts=accounts,
        groups=(group_row(),) if groups is None else groups,
        subscriptions=subscriptions,
    )
