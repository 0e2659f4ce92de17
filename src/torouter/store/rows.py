"""What queries return: plain frozen values. Every `_ms` is an instant in milliseconds since the epoch, UTC."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from torouter.units import Dialect, Operation

__all__ = [
    "AccessKeyRow",
    "AccountBilling",
    "AccountRow",
    "AccountStatus",
    "AdminTokenRow",
    "AuditFilter",
    "AuditRow",
    "Beat",
    "Changes",
    "ChannelRow",
    "Entry",
    "GroupBilling",
    "GroupRow",
    "KeptResponseRow",
    "KeyRow",
    "KeyStatus",
    "KeysOf",
    "LedgerKind",
    "LedgerRow",
    "LimitColumns",
    "ModelTotals",
    "OnCut",
    "OnHangup",
    "PlanRow",
    "PlanWindow",
    "PriceRow",
    "ProcessRow",
    "Role",
    "SealedCredential",
    "SeriesPoint",
    "SeriesStep",
    "SessionRow",
    "StoredLedgerRow",
    "StoredUsage",
    "SubscriptionRow",
    "SubscriptionStatus",
    "UsageFilter",
    "UsageRow",
    "UsageTotals",
    "WindowName",
]

Role = Literal["admin", "user"]
AccountStatus = Literal["active", "suspended"]
AccountBilling = Literal["prepaid", "unlimited"]
GroupBilling = Literal["balance", "subscription"]
KeyStatus = Literal["enabled", "disabled"]
SubscriptionStatus = Literal["active", "paused", "cancelled"]
OnHangup = Literal["cancel", "drain"]
"""What becomes of an answer whose client has left: broken off and billed as far as it came, or read to its end."""
OnCut = Literal["error", "resume-if-identical"]
"""What follows a cut within an answer: an error, or the same request elsewhere, if it gives the same text."""
LedgerKind = Literal["attempt", "top_up", "adjustment", "refund"]
WindowName = Literal["day", "week", "month"]
SeriesStep = Literal["hour", "day"]


class AccountRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    id: int
    email: str
    display_name: str
    role: Role
    status: AccountStatus
    created_ms: int
    billing: AccountBilling = "prepaid"
    credited_nusd: int = 0
    charged_nusd: int = 0
    deleted_ms: int | None = None

    @property
    def balance_nusd(self) -> int:
        return self.credited_nusd - self.charged_nusd


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that is signed in."""

    id: int
    account_id: int
    created_ms: int
    seen_ms: int
    expires_ms: int
    address: str


class LimitColumns(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Limits of a key, or a group's for its keys that set none. 0: none."""

    cap_nusd: int = 0
    limit_5h: int = 0
    limit_1d: int = 0
    limit_7d: int = 0
    rpm: int = 0
    tpm: int = 0
    concurrency: int = 0


class GroupRow(msgspec.Struct, frozen=True, kw_only=True):
    """`models` empty: all that its channels have. `platform` empty: any. `routing` holds `on_cut` and `fallbacks`, by
    model, where they are said. `managed_by` empty: whoever may; `file`: a configuration file that is applied."""

    id: int
    name: str
    created_ms: int
    platform: str = ""
    billing: GroupBilling = "balance"
    multiplier_ppm: int = 1_000_000
    models: tuple[str, ...] = ()
    defaults: LimitColumns = LimitColumns()
    routing: dict[str, Any] = {}
    managed_by: str = ""
    deleted_ms: int | None = None


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as its owner may see it: its first and last characters, never the hash. No models: all models."""

    id: int
    account_id: int
    group: str
    name: str
    head: str
    tail: str
    models: tuple[str, ...]
    status: KeyStatus
    expires_ms: int | None
    created_ms: int
    last_used_ms: int | None
    deleted_ms: int | None
    keep_responses: bool | None = None
    """May this key's answers be kept? `None`: as the operator's setting says."""
    limits: LimitColumns = LimitColumns()
    ip_allow: tuple[str, ...] = ()
    ip_deny: tuple[str, ...] = ()
    is_strict: bool | None = None
    on_hangup: OnHangup | None = None
    spent_nusd: int = 0
    last_used_address: str | None = None
    replaces_id: int | None = None
    session_id: int | None = None
    """Set where it ends with a session of the portal."""


class KeysOf(NamedTuple):
    """Of an account: how many there are that are not deleted, and when the last of all was used."""

    keys: int = 0
    last_used_ms: int | None = None


class AccessKeyRow(msgspec.Struct, frozen=True, gc=False):
    """Of a key, what deciding about a request takes. `is_deleted`: it is gone, and only that is to be learned.

    Not by keyword alone, and no business of the garbage collector's: there may be a million.
    """

    id: int
    key_hash: bytes
    name: str
    account_id: int
    group_id: int
    models: tuple[str, ...]
    status: KeyStatus
    expires_ms: int | None
    keep_responses: bool | None
    limits: LimitColumns
    ip_allow: tuple[str, ...]
    ip_deny: tuple[str, ...]
    is_strict: bool | None
    on_hangup: OnHangup | None
    is_deleted: bool
    is_session: bool = False
    """Does it end with a session of the portal?"""


class PlanRow(msgspec.Struct, frozen=True, kw_only=True):
    """0: no such window."""

    id: int
    name: str
    daily_nusd: int
    weekly_nusd: int
    monthly_nusd: int
    created_ms: int
    deleted_ms: int | None = None


class SubscriptionRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account's plan in a group. The windows are its plan's, counted from `started_ms`: 24 h, 7 d and 30 d each."""

    id: int
    account_id: int
    group_id: int
    plan_id: int
    status: SubscriptionStatus
    started_ms: int
    ends_ms: int | None
    created_ms: int
    daily_nusd: int
    weekly_nusd: int
    monthly_nusd: int


class SealedCredential(msgspec.Struct, frozen=True, kw_only=True):
    """A key for an upstream, encrypted; `tail` is its end, for people, and `set_ms` when it became this key."""

    id: int
    label: str
    tail: str
    set_ms: int
    sealed: bytes


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True):
    """`spec` is what a configuration file would say of it, without its name, kind and secrets. `managed_by` empty:
    whoever may; `file`: a configuration file that is applied. Credentials are by id."""

    id: int
    name: str
    kind: str
    spec: dict[str, Any]
    created_ms: int
    credentials: tuple[SealedCredential, ...] = ()
    is_enabled: bool = True
    managed_by: str = ""
    deleted_ms: int | None = None


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What became different after a revision, as of one moment at `revision`. Groups and subscriptions are always all
    of them, and so are keys and accounts for those who have seen nothing. `channels` are all that are not deleted, or
    `None` where none of them became different."""

    revision: int
    keys: tuple[AccessKeyRow, ...]
    accounts: tuple[AccountRow, ...]
    groups: tuple[GroupRow, ...]
    subscriptions: tuple[SubscriptionRow, ...]
    channels: tuple[ChannelRow, ...] | None = None


class PriceRow(msgspec.Struct, frozen=True, kw_only=True):
    """`model` may hold `*`; `channel` empty: every channel. `rates` as `ledger.rates` reads them."""

    id: int
    model: str
    channel: str
    from_ms: int
    rates: dict[str, object]
    note: str
    created_ms: int
    deleted_ms: int | None = None


class ProcessRow(msgspec.Struct, frozen=True, kw_only=True):
    """`revision` is the one it works by; `replica` is common to all workers of one `torouter serve`."""

    id: str
    place: str
    replica: str
    started_ms: int
    seen_ms: int
    revision: int


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """Who changed what. `before` and `after` hold the fields that changed, never a secret."""

    id: int
    at_ms: int
    actor: str
    address: str
    action: str
    object_kind: str
    object_id: int
    before: dict[str, object] | None
    after: dict[str, object] | None


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which changes. `None`: any. `actor` is a part of who made them; from `from_ms` on, and before `until_ms`."""

    object_kind: str | None = None
    object_id: int | None = None
    actor: str = ""
    from_ms: int | None = None
    until_ms: int | None = None


class AdminTokenRow(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    account_id: int
    name: str
    head: str
    created_ms: int
    expires_ms: int | None
    last_used_ms: int | None
    deleted_ms: int | None


class KeptResponseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A response that is kept for its account until `expires_ms`; `sealed` is what only its sealer can read."""

    id: str
    account_id: int
    key_id: int
    created_ms: int
    expires_ms: int
    sealed: bytes


class UsageRow(NamedTuple):
    """One request, in the order of the columns of `usage`: a tuple, because rows are written by the hundred.

    Counters are disjoint, as in `canon.Usage`. Empty text: there was none (no channel was chosen, say).
    `first_token_ms` is the wait for the first byte of the answer's body, in milliseconds, as `latency_ms` is the whole.
    """

    request_id: str
    at_ms: int
    account_id: int
    key_id: int
    channel: str
    surface: str
    operation: Operation
    dialect_in: Dialect
    dialect_out: Dialect | Literal[""]
    model: str
    upstream_model: str
    status: int
    outcome: str
    is_stream: bool
    retries: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    tool_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    quality: str
    latency_ms: int
    first_token_ms: int | None
    losses: str | None
    group_id: int = 0
    cost_nusd: int = 0
    price_version: str = ""
    cost_parts: str | None = None


class StoredUsage(NamedTuple):
    id: int
    row: UsageRow


class UsageFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which requests. `None`: any. From `from_ms` on, and before `until_ms`. `status_class`: of which hundred, 4 or 5.
    Statuses from 400 on are looked for among the failures: no good answer has one."""

    from_ms: int | None = None
    until_ms: int | None = None
    account_id: int | None = None
    key_id: int | None = None
    model: str | None = None
    channel: str | None = None
    status: int | None = None
    status_class: int | None = None
    outcome: str | None = None
    request_id: str | None = None


class UsageTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over requests. `failures` are those without a good answer."""

    requests: int = 0
    failures: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    cost_nusd: int = 0


class ModelTotals(msgspec.Struct, frozen=True, kw_only=True):
    model: str
    totals: UsageTotals


class Beat(NamedTuple):
    """What ended within the step that begins at `at_ms`: requests, those without a good answer, all their tokens."""

    at_ms: int
    requests: int
    failures: int
    tokens: int


class SeriesPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of the hour or day (UTC) that begins at `at_ms`."""

    at_ms: int
    totals: UsageTotals


class LedgerRow(NamedTuple):
    """One movement of money, or an attempt that cost nothing, in the order of the columns of `ledger`.

    `attempt` counts from 1 within a request. An attempt numbered 0 is the sum of a key's attempts that were pruned.
    `credential` is its label; `picked` why it was this candidate's turn and `left_for` why it was left again, in words
    of routing. `cost_nusd` is what it cost, whoever pays: a plan too, or nobody (a second attempt that lost)."""

    at_ms: int
    account_id: int
    key_id: int
    request_id: str
    attempt: int
    kind: LedgerKind
    amount_nusd: int
    channel: str
    upstream_model: str
    status: int
    outcome: str
    latency_ms: int
    first_token_ms: int | None
    note: str
    credential: str = ""
    picked: str = ""
    left_for: str = ""
    cost_nusd: int = 0


class StoredLedgerRow(NamedTuple):
    id: int
    row: LedgerRow


class PlanWindow(NamedTuple):
    """One window of a subscription's plan: what is charged within it counts against it."""

    subscription_id: int
    window: WindowName
    started_ms: int


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """All that is written down of one request, in one transaction. `is_windowed`: its key has request windows, so its
    minute is counted. `address` is the client's."""

    usage: UsageRow
    attempts: tuple[LedgerRow, ...]
    plan_windows: tuple[PlanWindow, ...] = ()
    is_windowed: bool = False
    address: str = ""
