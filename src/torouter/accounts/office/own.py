"""What belongs to one account, for the one who is signed in to it. Of others' things it says what it says of those that
are not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

import msgspec
from msgspec import UNSET

from torouter.accounts.keys import DEFAULT_GROUP
from torouter.accounts.office import keys, people, usage
from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import KeyEdit, NewKey, Replacement, UsageQuery
from torouter.accounts.office.usage import ModelView, PointView, RequestView, TotalsView, UsageView
from torouter.accounts.office.views import (
    AccountView,
    GroupView,
    KeyView,
    LimitsView,
    MadeKey,
    View,
    attempt_view,
    group_view,
    limits_view,
)
from torouter.errors import RequestError, StoreError
from torouter.store import SubscriptionRow

__all__ = ["KeyState", "Own", "WindowView"]

KeyState = Literal["enabled", "disabled", "expired", "used_up"]

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_WINDOWS: Final = (("limit_5h", 5 * _HOUR_MS), ("limit_1d", 24 * _HOUR_MS), ("limit_7d", 7 * 24 * _HOUR_MS))


class WindowView(View, frozen=True, kw_only=True):
    """Requests of a key within a window that ends now. `field` is the limit's name."""

    field: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Own:
    """`is_admin`: may choose any group for a key. All of it blocks."""

    desk: Desk
    account_id: int
    is_admin: bool = False

    def account(self) -> AccountView:
        return people.get_account(self.desk, self.account_id)

    # Keys

    def list_keys(self, *, include_deleted: bool = False) -> list[KeyView]:
        return keys.list_keys(
            self.desk, account_id=self.account_id, include_deleted=include_deleted, after_id=0, limit=None
        )

    def key(self, key_id: int) -> KeyView:
        """Raises `StoreError` (`not_found`), for a key of another's too, and for a session's, which nobody manages."""
        found = keys.get_key(self.desk, key_id)
        if found.account_id != self.account_id or found.is_session:
            raise StoreError(f"There is no key {key_id}.", kind="not_found")
        return found

    def create_key(self, form: NewKey) -> MadeKey:
        self._check_group(DEFAULT_GROUP if form.group is UNSET else form.group)
        return keys.create_key(self.desk, msgspec.structs.replace(form, account_id=self.account_id))

    def create_session_key(self, session_id: int, group: str = DEFAULT_GROUP) -> MadeKey:
        """For what this account tries in the portal. Raises `RequestError` for a group that it may not use."""
        self._check_group(group)
        return keys.create_session_key(self.desk, session_id, self.account_id, group)

    def edit_key(self, key_id: int, edit: KeyEdit) -> KeyView:
        self._check_change(key_id, edit)
        return keys.edit_key(self.desk, key_id, edit)

    def check_new_key(self, form: NewKey) -> None:
        """Raises what `create_key` would; writes nothing."""
        self._check_group(DEFAULT_GROUP if form.group is UNSET else form.group)
        keys.check_key(self.desk, form)

    def check_key(self, key_id: int, edit: KeyEdit) -> None:
        """Raises what `edit_key` would; writes nothing."""
        self._check_change(key_id, edit)
        keys.check_key(self.desk, edit)

    def group_id(self, key: KeyView) -> int:
        return self.desk.store.get_group(key.group).id

    def key_hash(self, key_id: int) -> bytes | None:
        self.key(key_id)
        return self.desk.store.key_hash(key_id)

    def spent(self, meters: Sequence[str]) -> dict[str, int]:
        """Nano-dollars, by the name of a meter."""
        return self.desk.store.read_spent(meters)

    def delete_key(self, key_id: int) -> KeyView:
        self.key(key_id)
        return keys.delete_key(self.desk, key_id)

    def rotate_key(self, key_id: int, replacement: Replacement) -> MadeKey:
        self.key(key_id)
        return keys.rotate_key(self.desk, key_id, replacement)

    def groups(self) -> list[GroupView]:
        """That a key may be put into: the default one, and those that the account is subscribed to; all of them for an
        administrator."""
        rows = self.desk.store.list_groups()
        subscribed = {row.group_id for row in self.desk.store.list_subscriptions(self.account_id) if _is_in_force(row)}
        return [group_view(row) for row in rows if self.is_admin or row.name == DEFAULT_GROUP or row.id in subscribed]

    def limits(self, key: KeyView) -> LimitsView:
        """Those that hold: the key's own, and where it sets none, its group's."""
        defaults = limits_view(self.desk.store.get_group(key.group).defaults)
        own = {field: getattr(key, field) for field in LimitsView.__struct_fields__}
        said = {field: value for field, value in own.items() if value not in (0, "0.00")}
        return msgspec.structs.replace(defaults, **said)

    def state(self, key: KeyView) -> KeyState:
        if key.status == "disabled":
            return "disabled"
        if key.expires_at is not None and key.expires_at.timestamp() * 1000 <= self.desk.now_ms():
            return "expired"
        cap_usd = Decimal(self.limits(key).cap_usd)
        return "used_up" if cap_usd and Decimal(key.spent_usd) >= cap_usd else "enabled"

    def windows(self, key: KeyView) -> list[WindowView]:
        """Those that have a limit."""
        limits, now_ms = self.limits(key), self.desk.now_ms()
        asked = [(field, length_ms, getattr(limits, field)) for field, length_ms in _WINDOWS if getattr(limits, field)]
        if not asked:
            return []
        longest_ms = max(length_ms for _, length_ms, _ in asked)
        minutes = self.desk.store.read_minutes(key.id, (now_ms - longest_ms) // _MINUTE_MS)
        return [
            WindowView(field=field, used=_within(minutes, (now_ms - length_ms) // _MINUTE_MS), limit=limit)
            for field, length_ms, limit in asked
        ]

    # Usage

    def list_usage(
        self, query: UsageQuery, *, before: tuple[int, int] | None, limit: int
    ) -> tuple[list[UsageView], tuple[int, int] | None]:
        return usage.list_usage(self.desk, self._mine(query), before=before, limit=limit)

    def usage_totals(self, query: UsageQuery) -> TotalsView:
        return usage.usage_totals(self.desk, self._mine(query))

    def usage_by_model(self, query: UsageQuery) -> list[ModelView]:
        return usage.usage_by_model(self.desk, self._mine(query))

    def usage_summary(self, query: UsageQuery) -> tuple[TotalsView, list[ModelView]]:
        return usage.usage_summary(self.desk, self._mine(query))

    def usage_over_time(self, query: UsageQuery, step: Literal["hour", "day"]) -> list[PointView]:
        return usage.usage_over_time(self.desk, self._mine(query), step)

    def export(self, query: UsageQuery) -> tuple[str, Iterator[str]]:
        """The file's name, and pieces of it."""
        return usage.export_name(query), usage.export_lines(self.desk, self._mine(query))

    def request(self, request_id: str) -> RequestView:
        """Raises `StoreError` (`not_found`)."""
        rows, _ = self.list_usage(UsageQuery(request_id=request_id), before=None, limit=1)
        if not rows:
            raise StoreError(f"There is no request {request_id} on record.", kind="not_found")
        attempts = self.desk.store.attempts_of(request_id)
        mine = [attempt_view(row) for row in attempts if row.account_id == self.account_id]
        return RequestView(usage=rows[0], attempts=mine)

    def _mine(self, query: UsageQuery) -> UsageQuery:
        return msgspec.structs.replace(query, account_id=self.account_id)

    def _check_change(self, key_id: int, edit: KeyEdit) -> None:
        before = self.key(key_id)
        if edit.group is not UNSET and edit.group != before.group:
            self._check_group(edit.group)

    def _check_group(self, group: str) -> None:
        if group not in [each.name for each in self.groups()]:
            raise RequestError(f"group: there is no group {group} for this account.", param="group")


def _is_in_force(row: SubscriptionRow) -> bool:
    return row.status == "active"


def _within(minutes: dict[int, int], since: int) -> int:
    return sum(count for minute, count in minutes.items() if minute >= since)
