"""What is asked of the office. Each field says in its type what it may be, so that one place serves the API, its
OpenAPI document and the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from torouter.accounts.dollars import SIGNED_PATTERN, UNSIGNED_PATTERN
from torouter.accounts.office.fields import MOST_LIMIT, MULTIPLIER_PATTERN
from torouter.ledger.rates import Rates
from torouter.store import (
    AccountBilling,
    AccountStatus,
    GroupBilling,
    KeyStatus,
    OnCut,
    OnHangup,
    Role,
    SubscriptionStatus,
)

__all__ = [
    "MOST_ID",
    "PLAIN_PATTERN",
    "SHOWN_PATTERN",
    "STATUS_PATTERN",
    "AccountEdit",
    "AccountQuery",
    "Adjustment",
    "AuditQuery",
    "DefaultLimits",
    "FallbacksForm",
    "Form",
    "GroupEdit",
    "Id",
    "KeyEdit",
    "Model",
    "Movement",
    "Name",
    "NewAccount",
    "NewGroup",
    "NewKey",
    "NewPlan",
    "NewPrice",
    "NewToken",
    "PlanEdit",
    "Refund",
    "Replacement",
    "SubscriptionEdit",
    "SubscriptionForm",
    "TopUp",
    "UsageQuery",
]

MOST_ID = 2**63 - 1
PLAIN_PATTERN = r"^[^\x00-\x1f\x7f]*$"
STATUS_PATTERN = r"^(?:[0-9]{1,3}|[45]xx)$"
SHOWN_PATTERN = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"

Id: TypeAlias = Annotated[int, Meta(ge=1, le=MOST_ID)]
Name: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1, max_length=100, pattern=SHOWN_PATTERN, description="Text on one line; spaces around it are cut."
    ),
]
Note: TypeAlias = Annotated[str, Meta(max_length=500, pattern=PLAIN_PATTERN)]
Word: TypeAlias = Annotated[str, Meta(max_length=200, pattern=PLAIN_PATTERN)]
Email: TypeAlias = Annotated[str, Meta(max_length=254, extra_json_schema={"format": "email"})]
Usd: TypeAlias = Annotated[
    str, Meta(pattern=UNSIGNED_PATTERN, description="US dollars, exact to the nano-dollar.", examples=["12.50"])
]
SignedUsd: TypeAlias = Annotated[
    str, Meta(pattern=SIGNED_PATTERN, description="US dollars, exact to the nano-dollar.", examples=["-12.50"])
]
CapUsd: TypeAlias = Annotated[
    str, Meta(pattern=UNSIGNED_PATTERN, description="A limit in US dollars; 0: none.", examples=["12.50"])
]
Limit: TypeAlias = Annotated[int, Meta(ge=0, le=MOST_LIMIT, description="0: none.")]
Days: TypeAlias = Annotated[int, Meta(ge=0, le=36500, description="From now; 0: never.")]
Moment: TypeAlias = Annotated[datetime, Meta(tz=True)]
Model: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=SHOWN_PATTERN)]
Models: TypeAlias = Annotated[list[Model], Meta(max_length=1000, description="Empty: all that the group has.")]
Substitutes: TypeAlias = Annotated[list[Model], Meta(max_length=100)]
Cidr: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=60,
        description="An address or a network in CIDR form, IPv4 or IPv6.",
        extra_json_schema={"format": "cidr"},
        examples=["203.0.113.0/24"],
    ),
]
Cidrs: TypeAlias = Annotated[list[Cidr], Meta(max_length=1000, description="Empty: no restriction.")]


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that are `UNSET` were not named."""


class KeySettings(Form, frozen=True, kw_only=True):
    group: Name | UnsetType = UNSET
    models: Models | UnsetType = UNSET
    expires_in_days: Days | UnsetType = UNSET
    expires_at: Moment | UnsetType | None = UNSET
    cap_usd: CapUsd | UnsetType = UNSET
    limit_5h: Limit | UnsetType = UNSET
    limit_1d: Limit | UnsetType = UNSET
    limit_7d: Limit | UnsetType = UNSET
    rpm: Limit | UnsetType = UNSET
    tpm: Limit | UnsetType = UNSET
    concurrency: Limit | UnsetType = UNSET
    ip_allow: Cidrs | UnsetType = UNSET
    ip_deny: Cidrs | UnsetType = UNSET
    is_strict: bool | UnsetType | None = UNSET
    on_hangup: OnHangup | UnsetType | None = UNSET
    keep_responses: bool | UnsetType | None = UNSET


class NewKey(KeySettings, frozen=True, kw_only=True):
    """A key. Without an account it is the operator's own."""

    name: Name
    account_id: Id | UnsetType = UNSET


class KeyEdit(KeySettings, frozen=True, kw_only=True):
    """Only what is named is changed. `null` gives a choice back to the operator's setting."""

    name: Name | UnsetType = UNSET
    status: KeyStatus | UnsetType = UNSET


class Replacement(Form, frozen=True, kw_only=True):
    """The old key works on for `overlap_s` seconds; with 0 it is deleted at once."""

    overlap_s: Annotated[int, Meta(ge=0, le=90 * 24 * 3600)] = 0


class DefaultLimits(Form, frozen=True, kw_only=True):
    """For the group's keys that set no such limit."""

    cap_usd: CapUsd | UnsetType = UNSET
    limit_5h: Limit | UnsetType = UNSET
    limit_1d: Limit | UnsetType = UNSET
    limit_7d: Limit | UnsetType = UNSET
    rpm: Limit | UnsetType = UNSET
    tpm: Limit | UnsetType = UNSET
    concurrency: Limit | UnsetType = UNSET


class FallbacksForm(Form, frozen=True, kw_only=True):
    """Models that are asked in place of one, in this order."""

    context_length: Substitutes | UnsetType = UNSET
    outage: Substitutes | UnsetType = UNSET


class GroupSettings(Form, frozen=True, kw_only=True):
    platform: Annotated[str, Meta(max_length=40, pattern="^[a-z0-9-]*$", description="Empty: any.")] | UnsetType = UNSET
    billing: GroupBilling | UnsetType = UNSET
    multiplier: (
        Annotated[
            str,
            Meta(pattern=MULTIPLIER_PATTERN, description="On every price; 1: as it is.", examples=["1.25"]),
        ]
        | UnsetType
    ) = UNSET
    models: Models | UnsetType = UNSET
    defaults: DefaultLimits | UnsetType = UNSET
    on_cut: OnCut | UnsetType | None = UNSET
    fallbacks: Annotated[dict[Model, FallbacksForm], Meta(max_length=1000)] | UnsetType = UNSET


class NewGroup(GroupSettings, frozen=True, kw_only=True):
    name: Name


class GroupEdit(GroupSettings, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET


class NewAccount(Form, frozen=True, kw_only=True):
    email: Email
    display_name: Annotated[str, Meta(max_length=100, pattern=PLAIN_PATTERN)] = ""
    role: Role = "user"
    billing: AccountBilling = "prepaid"


class AccountEdit(Form, frozen=True, kw_only=True):
    email: Email | UnsetType = UNSET
    display_name: Annotated[str, Meta(max_length=100, pattern=PLAIN_PATTERN)] | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    billing: AccountBilling | UnsetType = UNSET
    status: AccountStatus | UnsetType = UNSET


class TopUp(Form, frozen=True, kw_only=True, tag_field="kind", tag="top_up"):
    """Money that came in."""

    amount_usd: Usd
    note: Note = ""


class Adjustment(Form, frozen=True, kw_only=True, tag_field="kind", tag="adjustment"):
    """A correction, up or down."""

    amount_usd: SignedUsd
    note: Note = ""


class Refund(Form, frozen=True, kw_only=True, tag_field="kind", tag="refund"):
    """Money that was given back: it leaves the balance, and cannot be more than that."""

    amount_usd: Usd
    note: Note = ""


Movement: TypeAlias = TopUp | Adjustment | Refund


class PlanSettings(Form, frozen=True, kw_only=True):
    daily_usd: CapUsd | UnsetType = UNSET
    weekly_usd: CapUsd | UnsetType = UNSET
    monthly_usd: CapUsd | UnsetType = UNSET


class NewPlan(PlanSettings, frozen=True, kw_only=True):
    name: Name


class PlanEdit(PlanSettings, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET


class SubscriptionForm(Form, frozen=True, kw_only=True):
    """An account's plan in a group: takes the place of one that is there. Windows are counted from `started_at`, which
    without being named is now, or stays what it was."""

    account_id: Id
    group: Name
    plan_id: Id
    status: SubscriptionStatus = "active"
    started_at: Moment | UnsetType = UNSET
    ends_at: Moment | None = None


class SubscriptionEdit(Form, frozen=True, kw_only=True):
    plan_id: Id | UnsetType = UNSET
    status: SubscriptionStatus | UnsetType = UNSET
    started_at: Moment | UnsetType = UNSET
    ends_at: Moment | UnsetType | None = UNSET


class NewToken(Form, frozen=True, kw_only=True):
    """A token for this API, of an account with the role `admin`; without one, the operator's own."""

    name: Name
    account_id: Id | UnsetType = UNSET
    expires_in_days: Days = 0


class NewPrice(Form, frozen=True, kw_only=True):
    """`model` may hold `*`. Without `from_at` it is in force from now on."""

    model: Model
    channel: Word = ""
    from_at: Moment | UnsetType = UNSET
    rates: Rates
    note: Note = ""


class UsageQuery(Form, frozen=True, kw_only=True):
    """`since` is within, `until` is not."""

    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET
    account_id: Id | UnsetType = UNSET
    key_id: Id | UnsetType = UNSET
    model: Word | UnsetType = UNSET
    channel: Word | UnsetType = UNSET
    status: (
        Annotated[str, Meta(pattern=STATUS_PATTERN, description="A number, or a class of them: 4xx, 5xx.")] | UnsetType
    ) = UNSET
    outcome: Word | UnsetType = UNSET
    request_id: Word | UnsetType = UNSET


class AuditQuery(Form, frozen=True, kw_only=True):
    """`actor` is a part of who it was. `since` is within, `until` is not."""

    object_kind: Literal["key", "group", "account", "plan", "subscription", "price", "token", "channel"] | UnsetType = (
        UNSET
    )
    object_id: Id | UnsetType = UNSET
    actor: Word | UnsetType = UNSET
    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET


class AccountQuery(Form, frozen=True, kw_only=True):
    """`text` is a part of the address or of the name."""

    text: Word = ""
    role: Role | UnsetType = UNSET
    status: AccountStatus | UnsetType = UNSET
