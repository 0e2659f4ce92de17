"""Accounts: the list, and the forms that make, change, suspend and delete one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from torouter.accounts.office import people, plans
from torouter.accounts.office.forms import AccountEdit, AccountQuery, NewAccount, UsageQuery
from torouter.accounts.office.own import KeyState, Own
from torouter.accounts.office.refused import filled
from torouter.accounts.office.views import AccountView, KeyView, SubscriptionView
from torouter.accounts.passwords import LEAST_CHARACTERS
from torouter.console.portal.fields import Fields
from torouter.console.portal.slices import slice_of
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError, StoreError, TorouterError
from torouter.units import moment

__all__ = [
    "account_of",
    "create_account",
    "delete_account",
    "list_accounts",
    "problem_in",
    "set_account_status",
    "show_account",
    "show_again",
]

_PAGE_ROWS: Final = 50
_MOVEMENTS: Final = 5
_MOST_MODELS: Final = 5
_DAYS: Final = 30
_FILTERS: Final = ("text", "role", "status")
_BLANK: Final = {"email": "", "display_name": "", "role": "user", "billing": "prepaid"}


@dataclass(frozen=True, slots=True)
class _Key:
    key: KeyView
    state: KeyState


@dataclass(frozen=True, slots=True)
class _Subscription:
    """With the names of its plan and its group."""

    subscription: SubscriptionView
    plan: str
    group: str


def list_accounts(visit: Visit) -> Response:
    values = {name: visit.query.get(name, "").strip() for name in _FILTERS}
    is_wrong = False
    try:
        query = filled(AccountQuery, {name: value for name, value in values.items() if value})
    except RequestError:
        is_wrong, values, query = True, dict.fromkeys(_FILTERS, ""), AccountQuery()
    after = visit.query.get("after", "")
    after_id = int(after) if after.isdecimal() and len(after) <= 18 else 0
    rows = people.search_accounts(visit.desk, query, after_id=after_id, limit=_PAGE_ROWS + 1)
    told = {name: value for name, value in values.items() if value}
    following = {"after": str(rows[_PAGE_ROWS - 1].account.id)} if len(rows) > _PAGE_ROWS else None
    return visit.page(
        "operator/accounts.html",
        400 if is_wrong else 200,
        lines=rows[:_PAGE_ROWS],
        values=values,
        is_wrong=is_wrong,
        is_filtered=bool(told),
        first=f"/admin/accounts?{urlencode(told)}" if after_id else None,
        following=None if following is None else f"/admin/accounts?{urlencode(told | following)}",
    )


def create_account(visit: Visit) -> Response:
    if not visit.is_post:
        return _new(visit, _BLANK)
    try:
        form = filled(NewAccount, {name: visit.form.get(name, "") for name in _BLANK})
        made = visit.do_once(AccountView, lambda: people.create_account(visit.desk, form))
    except (RequestError, StoreError) as error:
        return _new(visit, visit.form, problem_in(error), error.status)
    return visit.done(f"/admin/accounts/{made.id}", "account_made")


def show_account(visit: Visit) -> Response:
    account = account_of(visit)
    if not visit.is_post:
        return show_again(visit, account)
    said = {name: visit.form[name] for name in _BLANK if name in visit.form}
    try:
        people.edit_account(visit.desk, account.id, filled(AccountEdit, said))
    except (RequestError, StoreError) as error:
        return show_again(visit, account, problem_in(error), error.status, said)
    return visit.done(f"/admin/accounts/{account.id}", "saved")


def set_account_status(visit: Visit) -> Response:
    account, status = account_of(visit), visit.form.get("status", "")
    try:
        people.edit_account(visit.desk, account.id, filled(AccountEdit, {"status": status}))
    except StoreError as error:
        return show_again(visit, account, problem_in(error), error.status)
    return visit.done(f"/admin/accounts/{account.id}", f"account_{status}")


def delete_account(visit: Visit) -> Response:
    account = account_of(visit)
    if not visit.is_post:
        return visit.page("operator/account_delete.html", account=account)
    try:
        people.delete_account(visit.desk, account.id)
    except StoreError as error:
        return show_again(visit, account, problem_in(error), error.status)
    return visit.done("/admin/accounts", "account_deleted")


def account_of(visit: Visit) -> AccountView:
    """The one that the path names. Raises `StoreError` (`not_found`)."""
    return people.get_account(visit.desk, visit.target_id("account"))


def problem_in(error: TorouterError) -> str:
    """The name of what to say: of a conflict without a code, that the address is taken."""
    if isinstance(error, StoreError):
        if error.kind != "conflict":
            raise error
        return error.code or "address_taken"
    return (error.param or "form").partition(".")[0]


def show_again(
    visit: Visit,
    account: AccountView,
    problem: str | None = None,
    status: int = 200,
    said: Fields | None = None,
) -> Response:
    """The account's own page, with what was wrong about a form of it."""
    desk, own = visit.desk, Own(visit.desk, account.id)
    since = UsageQuery(since=moment(desk.now_ms()) - timedelta(days=_DAYS))
    shown = {name: str(getattr(account, name)) for name in _BLANK}
    found = slice_of(own.list_keys(), visit.query, "keys")
    return visit.page(
        "operator/account.html",
        status,
        account=account,
        is_own=account.id == visit.signed.account.id,
        problem=problem,
        values=shown | dict(said or {}),
        access=people.access_of(desk, account.id),
        least=LEAST_CHARACTERS,
        found=found,
        keys=[_Key(key, own.state(key)) for key in found.rows],
        subscriptions=_subscriptions(visit, account.id),
        days=_DAYS,
        totals=own.usage_totals(since),
        models=own.usage_by_model(since)[:_MOST_MODELS],
        movements=people.list_movements(desk, account.id, before_id=None, limit=_MOVEMENTS),
    )


def _new(visit: Visit, values: Fields, problem: str | None = None, status: int = 200) -> Response:
    shown: dict[str, Any] = {name: values.get(name, "") for name in _BLANK}
    return visit.page("operator/account_new.html", status, values=shown, problem=problem)


def _subscriptions(visit: Visit, account_id: int) -> list[_Subscription]:
    rows = plans.list_subscriptions(visit.desk, account_id=account_id)
    if not rows:
        return []
    plan_names = {plan.id: plan.name for plan in visit.desk.store.list_plans(include_deleted=True)}
    group_names = {group.id: group.name for group in visit.desk.store.list_groups(include_deleted=True)}
    return [_Subscription(row, plan_names[row.plan_id], group_names[row.group_id]) for row in rows]
