"""What is shown of rows: money in dollars, times with their zone, and never a hash or a secret."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from torouter.accounts.dollars import dollars
from torouter.accounts.office.fields import multiplier
from torouter.ledger.rates import Rates
from torouter.store import (
    AccountBilling,
    AccountRow,
    AccountStatus,
    AdminTokenRow,
    AuditRow,
    GroupBilling,
    GroupRow,
    KeyRow,
    KeysOf,
    KeyStatus,
    LedgerRow,
    LimitColumns,
    OnCut,
    OnHangup,
    PlanRow,
    PriceRow,
    ProcessRow,
    Role,
    StoredLedgerRow,
    SubscriptionRow,
    SubscriptionStatus,
)
from torouter.units import moment

__all__ = [
    "AccessView",
    "AccountLine",
    "AccountView",
    "AttemptView",
    "AuditView",
    "GroupView",
    "KeyView",
    "LimitsView",
    "MadeKey",
    "MadeToken",
    "MovementView",
    "PlanView",
    "PriceView",
    "ProcessView",
    "SubscriptionView",
    "TokenView",
    "View",
    "account_line",
    "account_view",
    "attempt_view",
    "audit_view",
    "group_view",
    "key_view",
    "limits_view",
    "movement_view",
    "plan_view",
    "price_view",
    "process_view",
    "subscription_view",
    "token_view",
]


def _moment(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else moment(at_ms)


class View(msgspec.Struct, frozen=True, kw_only=True):
    pass


class KeyView(View, frozen=True, kw_only=True):
    id: int
    account_id: int
    name: str
    shown: str
    """Its first and last characters."""
    group: str
    status: KeyStatus
    models: list[str]
    expires_at: datetime | None
    cap_usd: str
    spent_usd: str
    limit_5h: int
    limit_1d: int
    limit_7d: int
    rpm: int
    tpm: int
    concurrency: int
    ip_allow: list[str]
    ip_deny: list[str]
    is_strict: bool | None
    on_hangup: OnHangup | None
    keep_responses: bool | None
    created_at: datetime
    last_used_at: datetime | None
    last_used_address: str | None
    replaces_id: int | None
    deleted_at: datetime | None
    is_session: bool
    """Of the portal's playground: it ends with the session that made it."""


def key_view(row: KeyRow) -> KeyView:
    limits = row.limits
    return KeyView(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        shown=f"{row.head}{row.tail}",
        group=row.group,
        status=row.status,
        models=list(row.models),
        expires_at=_moment(row.expires_ms),
        cap_usd=dollars(limits.cap_nusd),
        spent_usd=dollars(row.spent_nusd),
        limit_5h=limits.limit_5h,
        limit_1d=limits.limit_1d,
        limit_7d=limits.limit_7d,
        rpm=limits.rpm,
        tpm=limits.tpm,
        concurrency=limits.concurrency,
        ip_allow=list(row.ip_allow),
        ip_deny=list(row.ip_deny),
        is_strict=row.is_strict,
        on_hangup=row.on_hangup,
        keep_responses=row.keep_responses,
        created_at=moment(row.created_ms),
        last_used_at=_moment(row.last_used_ms),
        last_used_address=row.last_used_address,
        replaces_id=row.replaces_id,
        deleted_at=_moment(row.deleted_ms),
        is_session=row.session_id is not None,
    )


class MadeKey(View, frozen=True, kw_only=True):
    """`secret` is the key itself: this is the only time that it can be seen."""

    secret: str
    key: KeyView


class LimitsView(View, frozen=True, kw_only=True):
    cap_usd: str
    limit_5h: int
    limit_1d: int
    limit_7d: int
    rpm: int
    tpm: int
    concurrency: int


def limits_view(limits: LimitColumns) -> LimitsView:
    return LimitsView(
        cap_usd=dollars(limits.cap_nusd),
        limit_5h=limits.limit_5h,
        limit_1d=limits.limit_1d,
        limit_7d=limits.limit_7d,
        rpm=limits.rpm,
        tpm=limits.tpm,
        concurrency=limits.concurrency,
    )


class GroupView(View, frozen=True, kw_only=True):
    id: int
    name: str
    platform: str
    billing: GroupBilling
    multiplier: str
    models: list[str]
    defaults: LimitsView
    on_cut: OnCut
    fallbacks: dict[str, dict[str, list[str]]]
    managed_by: str
    created_at: datetime
    deleted_at: datetime | None


def group_view(row: GroupRow) -> GroupView:
    return GroupView(
        id=row.id,
        name=row.name,
        platform=row.platform,
        billing=row.billing,
        multiplier=multiplier(row.multiplier_ppm),
        models=list(row.models),
        defaults=limits_view(row.defaults),
        on_cut=row.routing.get("on_cut", "error"),
        fallbacks=row.routing.get("fallbacks", {}),
        managed_by=row.managed_by,
        created_at=moment(row.created_ms),
        deleted_at=_moment(row.deleted_ms),
    )


class AccountView(View, frozen=True, kw_only=True):
    id: int
    email: str
    display_name: str
    role: Role
    status: AccountStatus
    billing: AccountBilling
    balance_usd: str
    credited_usd: str
    charged_usd: str
    created_at: datetime
    deleted_at: datetime | None


def account_view(row: AccountRow) -> AccountView:
    return AccountView(
        id=row.id,
        email=row.email,
        display_name=row.display_name,
        role=row.role,
        status=row.status,
        billing=row.billing,
        balance_usd=dollars(row.balance_nusd),
        credited_usd=dollars(row.credited_nusd),
        charged_usd=dollars(row.charged_nusd),
        created_at=moment(row.created_ms),
        deleted_at=_moment(row.deleted_ms),
    )


class AccountLine(View, frozen=True, kw_only=True):
    """Of a list: `keys` that are not deleted, and when the last of all was used."""

    account: AccountView
    keys: int
    last_used_at: datetime | None


def account_line(row: AccountRow, keys: KeysOf) -> AccountLine:
    return AccountLine(account=account_view(row), keys=keys.keys, last_used_at=_moment(keys.last_used_ms))


class AccessView(View, frozen=True, kw_only=True):
    """How people sign in to an account, and how many browsers are."""

    has_password: bool
    sessions: int
    seen_at: datetime | None


class MovementView(View, frozen=True, kw_only=True):
    id: int
    at: datetime
    kind: str
    amount_usd: str
    """Negative: it left the balance."""
    note: str
    request_id: str
    attempt: int
    key_id: int
    channel: str


def movement_view(stored: StoredLedgerRow) -> MovementView:
    row = stored.row
    return MovementView(
        id=stored.id,
        at=moment(row.at_ms),
        kind=row.kind,
        amount_usd=dollars(row.amount_nusd),
        note=row.note,
        request_id=row.request_id,
        attempt=row.attempt,
        key_id=row.key_id,
        channel=row.channel,
    )


class AttemptView(View, frozen=True, kw_only=True):
    """`picked` is why it was this candidate's turn, `left_for` why it was left. `charged_usd` is what the balance paid,
    `cost_usd` what it cost, whoever paid."""

    attempt: int
    at: datetime
    channel: str
    credential: str
    upstream_model: str
    picked: str
    left_for: str
    status: int
    outcome: str
    latency_ms: int
    first_token_ms: int | None
    charged_usd: str
    cost_usd: str
    note: str


def attempt_view(row: LedgerRow) -> AttemptView:
    return AttemptView(
        attempt=row.attempt,
        at=moment(row.at_ms),
        channel=row.channel,
        credential=row.credential,
        upstream_model=row.upstream_model,
        picked=row.picked,
        left_for=row.left_for,
        status=row.status,
        outcome=row.outcome,
        latency_ms=row.latency_ms,
        first_token_ms=row.first_token_ms,
        charged_usd=dollars(-row.amount_nusd),
        cost_usd=dollars(row.cost_nusd or -row.amount_nusd),  # rows of older versions do not tell costs apart
        note=row.note,
    )


class PlanView(View, frozen=True, kw_only=True):
    id: int
    name: str
    daily_usd: str
    weekly_usd: str
    monthly_usd: str
    created_at: datetime
    deleted_at: datetime | None


def plan_view(row: PlanRow) -> PlanView:
    return PlanView(
        id=row.id,
        name=row.name,
        daily_usd=dollars(row.daily_nusd),
        weekly_usd=dollars(row.weekly_nusd),
        monthly_usd=dollars(row.monthly_nusd),
        created_at=moment(row.created_ms),
        deleted_at=_moment(row.deleted_ms),
    )


class SubscriptionView(View, frozen=True, kw_only=True):
    id: int
    account_id: int
    group_id: int
    plan_id: int
    status: SubscriptionStatus
    daily_usd: str
    weekly_usd: str
    monthly_usd: str
    started_at: datetime
    ends_at: datetime | None
    created_at: datetime


def subscription_view(row: SubscriptionRow) -> SubscriptionView:
    return SubscriptionView(
        id=row.id,
        account_id=row.account_id,
        group_id=row.group_id,
        plan_id=row.plan_id,
        status=row.status,
        daily_usd=dollars(row.daily_nusd),
        weekly_usd=dollars(row.weekly_nusd),
        monthly_usd=dollars(row.monthly_nusd),
        started_at=moment(row.started_ms),
        ends_at=_moment(row.ends_ms),
        created_at=moment(row.created_ms),
    )


class PriceView(View, frozen=True, kw_only=True):
    id: int
    model: str
    channel: str
    from_at: datetime
    rates: Rates
    note: str
    created_at: datetime
    deleted_at: datetime | None


def price_view(row: PriceRow) -> PriceView:
    return PriceView(
        id=row.id,
        model=row.model,
        channel=row.channel,
        from_at=moment(row.from_ms),
        rates=msgspec.convert(row.rates, Rates),
        note=row.note,
        created_at=moment(row.created_ms),
        deleted_at=_moment(row.deleted_ms),
    )


class ProcessView(View, frozen=True, kw_only=True):
    id: str
    place: str
    replica: str
    revision: int
    """The state of keys, accounts and groups that it works by."""
    started_at: datetime
    seen_at: datetime


def process_view(row: ProcessRow) -> ProcessView:
    return ProcessView(
        id=row.id,
        place=row.place,
        replica=row.replica,
        revision=row.revision,
        started_at=moment(row.started_ms),
        seen_at=moment(row.seen_ms),
    )


class TokenView(View, frozen=True, kw_only=True):
    id: int
    account_id: int
    name: str
    shown: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    deleted_at: datetime | None


def token_view(row: AdminTokenRow) -> TokenView:
    return TokenView(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        shown=row.head,
        created_at=moment(row.created_ms),
        expires_at=_moment(row.expires_ms),
        last_used_at=_moment(row.last_used_ms),
        deleted_at=_moment(row.deleted_ms),
    )


class MadeToken(View, frozen=True, kw_only=True):
    """`secret` is the token itself: this is the only time that it can be seen."""

    secret: str
    token: TokenView


class AuditView(View, frozen=True, kw_only=True):
    """`before` and `after` hold the fields that changed, under the names that they have elsewhere."""

    id: int
    at: datetime
    actor: str
    address: str
    action: str
    object_kind: str
    object_id: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def audit_view(row: AuditRow) -> AuditView:
    return AuditView(
        id=row.id,
        at=moment(row.at_ms),
        actor=row.actor,
        address=row.address,
        action=row.action,
        object_kind=row.object_kind,
        object_id=row.object_id,
        before=row.before,
        after=row.after,
    )
