"""What may stand in the query of each list."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from torouter.accounts.office.forms import AuditQuery, Form, Id, UsageQuery
from torouter.errors import RequestError

__all__ = [
    "AccountsQuery",
    "AuditPage",
    "KeysQuery",
    "MovementsQuery",
    "PricesQuery",
    "SeriesQuery",
    "SubscriptionsQuery",
    "UsagePage",
    "usage_cursor",
]

Limit: TypeAlias = Annotated[int, Meta(ge=1, le=1000)]
After: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1, description="The last id of the page before.")]
Flag: TypeAlias = Literal["true", "false"]

_USAGE_CURSOR: Final = r"^[0-9]{1,18}-[0-9]{1,18}$"
_DEFAULT: Final = 100


class AccountsQuery(Form, frozen=True, kw_only=True):
    limit: Limit = _DEFAULT
    after: After = 0


class KeysQuery(AccountsQuery, frozen=True, kw_only=True):
    account_id: Id | UnsetType = UNSET
    deleted: Flag = "false"
    """Deleted ones, too?"""


class MovementsQuery(Form, frozen=True, kw_only=True):
    limit: Limit = _DEFAULT
    before: Id | UnsetType = UNSET


class SubscriptionsQuery(Form, frozen=True, kw_only=True):
    account_id: Id | UnsetType = UNSET


class PricesQuery(Form, frozen=True, kw_only=True):
    deleted: Flag = "false"


class AuditPage(AuditQuery, frozen=True, kw_only=True):
    limit: Limit = _DEFAULT
    before: Id | UnsetType = UNSET


class UsagePage(UsageQuery, frozen=True, kw_only=True):
    limit: Limit = _DEFAULT
    before: Annotated[str, Meta(pattern=_USAGE_CURSOR)] | UnsetType = UNSET


class SeriesQuery(UsageQuery, frozen=True, kw_only=True):
    step: Literal["hour", "day"] = "day"


def usage_cursor(text: str | UnsetType) -> tuple[int, int] | None:
    if text is UNSET:
        return None
    if not re.fullmatch(_USAGE_CURSOR, text):
        raise RequestError("before: expected the `next` of another page.", param="before")
    at_ms, _, row_id = text.partition("-")
    return int(at_ms), int(row_id)
