"""Keys, accounts, groups and subscriptions as decisions need them: small, frozen, and changed one by one.

There may be a million keys, so nothing here is built anew for a single edit, and what most keys have in common (no
list, no limits, no rules) is one object. One thread gets a change ready, the event loop puts it in its place.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from torouter.routing.fallbacks import Fallbacks
from torouter.store import (
    AccessKeyRow,
    AccountBilling,
    AccountRow,
    Changes,
    GroupBilling,
    GroupRow,
    LimitColumns,
    OnCut,
    OnHangup,
    SubscriptionRow,
    SubscriptionStatus,
)

__all__ = ["NO_LIMITS", "Account", "Group", "Key", "Keyring", "Subscription", "Touched", "Update"]

Id = TypeVar("Id")
Kept = TypeVar("Kept")

NO_LIMITS: Final = LimitColumns()
_NONE: Final[frozenset[str]] = frozenset()


class Key(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`models` empty: the group's whole catalog. Limits of 0 are the group's. `ip_allow` and `ip_deny` are CIDRs;
    `None`: as the operator's setting says."""

    id: int
    account_id: int
    group_id: int
    models: frozenset[str] = _NONE
    is_enabled: bool = True
    expires_ms: int | None = None
    keep_responses: bool | None = None
    limits: LimitColumns = NO_LIMITS
    ip_allow: tuple[str, ...] = ()
    ip_deny: tuple[str, ...] = ()
    is_strict: bool | None = None
    on_hangup: OnHangup | None = None
    is_session: bool = False
    """Does it end with a session of the portal?"""


class Account(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    id: int
    is_active: bool = True
    billing: AccountBilling = "unlimited"
    credited_nusd: int = 0
    is_admin: bool = False


class Group(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`models` empty: all that its channels have. `limits` are those of keys that set none themselves. `on_cut` holds
    for channels that say nothing themselves, `fallbacks` are by the model that clients name."""

    id: int
    name: str
    billing: GroupBilling = "balance"
    multiplier_ppm: int = 1_000_000
    models: frozenset[str] = _NONE
    limits: LimitColumns = NO_LIMITS
    on_cut: OnCut = "error"
    fallbacks: Mapping[str, Fallbacks] = {}


class Subscription(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An account's plan in a group; its windows are counted from `started_ms`. 0: no such window."""

    id: int
    account_id: int
    group_id: int
    status: SubscriptionStatus
    started_ms: int
    ends_ms: int | None = None
    daily_nusd: int = 0
    weekly_nusd: int = 0
    monthly_nusd: int = 0


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is ready to be put in its place; `None` for a key or account that is gone. `is_whole`: all there
    is, not what became different."""

    revision: int
    keys: Mapping[bytes, Key | None]
    accounts: Mapping[int, Account | None]
    groups: Mapping[int, Group]
    subscriptions: Mapping[tuple[int, int], Subscription]
    is_whole: bool = False


class Keyring:
    """`revision` is that of the last change, 0 before the first. Reading is a lookup in a dictionary."""

    __slots__ = ("_accounts", "_groups", "_keys", "_subscriptions", "revision")

    def __init__(
        self,
        keys: Mapping[bytes, Key] | None = None,
        accounts: Iterable[Account] = (),
        groups: Iterable[Group] = (),
        subscriptions: Iterable[Subscription] = (),
    ) -> None:
        self.revision = 0
        self._keys = dict(keys or {})
        self._accounts = {account.id: account for account in accounts}
        self._groups: Mapping[int, Group] = {group.id: group for group in groups}
        self._subscriptions: Mapping[tuple[int, int], Subscription] = {
            (each.account_id, each.group_id): each for each in subscriptions
        }

    def __len__(self) -> int:
        return len(self._keys)

    def key(self, key_hash: bytes) -> Key | None:
        return self._keys.get(key_hash)

    def account(self, account_id: int) -> Account | None:
        return self._accounts.get(account_id)

    def group(self, group_id: int) -> Group | None:
        return self._groups.get(group_id)

    def subscription(self, account_id: int, group_id: int) -> Subscription | None:
        return self._subscriptions.get((account_id, group_id))

    def prepare(self, changes: Changes, *, is_whole: bool = False) -> Update:
        """The costly part, for any thread: reads nothing that changes. A deleted account is gone for its keys."""
        share = _Shared()
        return Update(
            revision=changes.revision,
            keys={row.key_hash: None if row.is_deleted else _key(row, share) for row in changes.keys},
            accounts={row.id: None if row.deleted_ms is not None else _account(row) for row in changes.accounts},
            groups={row.id: _group(row) for row in changes.groups if row.deleted_ms is None},
            subscriptions={(row.account_id, row.group_id): _subscription(row) for row in changes.subscriptions},
            is_whole=is_whole,
        )

    def apply(self, update: Update) -> Touched:
        """Puts it in its place, and says whom it touches."""
        if update.is_whole:
            self._keys.clear()
            self._accounts.clear()
        _replace(self._keys, update.keys)
        _replace(self._accounts, update.accounts)
        touched = Touched(
            key_hashes=frozenset(update.keys),
            account_ids=frozenset(update.accounts),
            is_everybody=update.is_whole
            or self._groups != update.groups
            or self._subscriptions != update.subscriptions,
        )
        self._groups, self._subscriptions = update.groups, update.subscriptions
        self.revision = update.revision
        return touched


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    key_hashes: frozenset[bytes]
    account_ids: frozenset[int]
    is_everybody: bool


class _Shared:
    """One object for equal values: a million keys have a few dozen lists and limits between them."""

    __slots__ = ("_limits", "_names", "_texts")

    def __init__(self) -> None:
        self._limits: dict[LimitColumns, LimitColumns] = {}
        self._names: dict[tuple[str, ...], frozenset[str]] = {(): _NONE}
        self._texts: dict[tuple[str, ...], tuple[str, ...]] = {(): ()}

    def limits(self, limits: LimitColumns) -> LimitColumns:
        return NO_LIMITS if limits == NO_LIMITS else self._limits.setdefault(limits, limits)

    def names(self, names: tuple[str, ...]) -> frozenset[str]:
        found = self._names.get(names)
        if found is None:
            found = self._names[names] = frozenset(map(sys.intern, names))
        return found

    def texts(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        return self._texts.setdefault(texts, texts)


def _replace(kept: dict[Id, Kept], changed: Mapping[Id, Kept | None]) -> None:
    for number, each in changed.items():
        if each is None:
            kept.pop(number, None)
        else:
            kept[number] = each


def _key(row: AccessKeyRow, share: _Shared) -> Key:
    return Key(
        id=row.id,
        account_id=row.account_id,
        group_id=row.group_id,
        models=share.names(row.models),
        is_enabled=row.status == "enabled",
        expires_ms=row.expires_ms,
        keep_responses=row.keep_responses,
        limits=share.limits(row.limits),
        ip_allow=share.texts(row.ip_allow),
        ip_deny=share.texts(row.ip_deny),
        is_strict=row.is_strict,
        on_hangup=row.on_hangup,
        is_session=row.is_session,
    )


def _account(row: AccountRow) -> Account:
    return Account(
        id=row.id,
        is_active=row.status == "active",
        billing=row.billing,
        credited_nusd=row.credited_nusd,
        is_admin=row.role == "admin",
    )


def _group(row: GroupRow) -> Group:
    return Group(
        id=row.id,
        name=sys.intern(row.name),
        billing=row.billing,
        multiplier_ppm=row.multiplier_ppm,
        models=frozenset(row.models),
        limits=row.defaults,
        on_cut=row.routing.get("on_cut", "error"),
        fallbacks=msgspec.convert(row.routing.get("fallbacks", {}), dict[str, Fallbacks]),
    )


def _subscription(row: SubscriptionRow) -> Subscription:
    return Subscription(
        id=row.id,
        account_id=row.account_id,
        group_id=row.group_id,
        status=row.status,
        started_ms=row.started_ms,
        ends_ms=row.ends_ms,
        daily_nusd=row.daily_nusd,
        weekly_nusd=row.weekly_nusd,
        monthly_nusd=row.monthly_nusd,
    )
