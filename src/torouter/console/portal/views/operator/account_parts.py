"""What belongs to an account: its money, its keys, and how people sign in to it."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from torouter.accounts.office import groups, keys, people
from torouter.accounts.office.forms import KeyEdit, Movement, NewKey
from torouter.accounts.office.own import Own
from torouter.accounts.office.refused import filled
from torouter.accounts.office.views import AccountView, KeyView, MadeKey
from torouter.console.portal.fields import Fields
from torouter.console.portal.key_form import named_fields, problem_of
from torouter.console.portal.views.operator.accounts import account_of, problem_in, show_again
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError, StoreError

__all__ = ["account_money", "delete_account_key", "end_sessions", "make_account_key", "set_key_status", "set_password"]

_PAGE_ROWS: Final = 50
_KINDS: Final = ("top_up", "adjustment", "refund")
_NO_MONEY: Final = {"kind": "top_up", "amount_usd": "", "note": ""}
_NO_KEY: Final = {"name": "", "group": "default", "cap_usd": "", "expires_on": ""}


def account_money(visit: Visit) -> Response:
    """Every movement, and the form for one more."""
    account = account_of(visit)
    if not visit.is_post:
        return _money(visit, account, _NO_MONEY)
    said = {name: visit.form.get(name, "").strip() for name in _NO_MONEY}
    said["amount_usd"] = said["amount_usd"].replace("$", "").replace(",", "").replace("\N{MINUS SIGN}", "-")
    try:
        movement: Movement = filled(Movement, said)  # type: ignore[arg-type]
        visit.do_once(AccountView, lambda: people.move_money(visit.desk, account.id, movement))
    except (RequestError, StoreError) as error:
        return _money(visit, account, visit.form, problem_in(error), error.status)
    return visit.done(f"/admin/accounts/{account.id}/money", "money_moved")


def make_account_key(visit: Visit) -> Response:
    account = account_of(visit)
    if not visit.is_post:
        return _key_form(visit, account, _NO_KEY)
    try:
        form = filled(NewKey, named_fields(visit.form) | {"account_id": account.id})
        made = visit.do_once(MadeKey, lambda: keys.create_key(visit.desk, form))
    except RequestError as error:
        return _key_form(visit, account, visit.form, problem_of(error).field, error.status)
    visit.settle()
    return visit.page("operator/account_key_made.html", account=account, secret=made.secret, key=made.key)


def set_key_status(visit: Visit) -> Response:
    key, status = _key_of(visit), visit.form.get("status", "")
    keys.edit_key(visit.desk, key.id, filled(KeyEdit, {"status": status}))
    return visit.done(f"/admin/accounts/{key.account_id}", status)


def delete_account_key(visit: Visit) -> Response:
    account, key = account_of(visit), _key_of(visit)
    if not visit.is_post:
        return visit.page("operator/account_key_delete.html", account=account, key=key)
    keys.delete_key(visit.desk, key.id)
    return visit.done(f"/admin/accounts/{account.id}", "deleted")


def set_password(visit: Visit) -> Response:
    """Sets it, or takes it away."""
    account, is_cleared = account_of(visit), visit.form.get("do") == "clear"
    try:
        if is_cleared:
            people.clear_password(visit.desk, account.id)
        else:
            people.set_password(visit.desk, account.id, visit.form.get("password", ""))
    except (RequestError, StoreError) as error:
        return show_again(visit, account, problem_in(error), error.status)
    return visit.go(f"/admin/accounts/{account.id}", told="password_cleared" if is_cleared else "password_set")


def end_sessions(visit: Visit) -> Response:
    account = account_of(visit)
    people.end_sessions(visit.desk, account.id)
    return visit.go(f"/admin/accounts/{account.id}", told="sessions_ended")


def _money(
    visit: Visit, account: AccountView, values: Fields, problem: str | None = None, status: int = 200
) -> Response:
    before = visit.query.get("before", "")
    before_id = int(before) if before.isdecimal() and len(before) <= 18 else None
    rows = people.list_movements(visit.desk, account.id, before_id=before_id, limit=_PAGE_ROWS + 1)
    here = f"/admin/accounts/{account.id}/money"
    return visit.page(
        "operator/account_money.html",
        status,
        account=people.get_account(visit.desk, account.id),
        values={name: values.get(name, "") for name in _NO_MONEY},
        kinds=_KINDS,
        problem=problem,
        movements=rows[:_PAGE_ROWS],
        first=here if before_id else None,
        following=f"{here}?before={rows[_PAGE_ROWS - 1].id}" if len(rows) > _PAGE_ROWS else None,
    )


def _key_form(
    visit: Visit, account: AccountView, values: Fields, problem: str | None = None, status: int = 200
) -> Response:
    return visit.page(
        "operator/account_key_new.html",
        status,
        account=account,
        values={name: values.get(name, "") for name in _NO_KEY},
        problem=problem,
        groups=[group.name for group in groups.list_groups(visit.desk)],
    )


def _key_of(visit: Visit) -> KeyView:
    """Of this account, and no other's. Raises `StoreError` (`not_found`)."""
    return Own(visit.desk, account_of(visit).id).key(visit.part_id("key"))
