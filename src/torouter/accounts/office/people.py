"""Accounts, and the money that comes and goes without a request."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec
from msgspec import UNSET

from torouter.accounts.dollars import dollars, nano_dollars
from torouter.accounts.office import fields
from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import AccountEdit, AccountQuery, Adjustment, Movement, NewAccount, Refund
from torouter.accounts.office.views import (
    AccessView,
    AccountLine,
    AccountView,
    MovementView,
    account_line,
    account_view,
    movement_view,
)
from torouter.accounts.passwords import checked_password, hash_password
from torouter.errors import StoreError
from torouter.store import AccountRow, KeysOf, LedgerKind
from torouter.units import moment

__all__ = [
    "access_of",
    "addresses_of",
    "clear_password",
    "create_account",
    "delete_account",
    "edit_account",
    "end_sessions",
    "find_account",
    "get_account",
    "list_accounts",
    "list_movements",
    "move_money",
    "search_accounts",
    "set_password",
]

_MOST_NUSD: Final = 4 * 10**18
"""Of all credit ever given to an account: half of what 64 bits can count."""


def create_account(desk: Desk, form: NewAccount) -> AccountView:
    """Raises `StoreError` (`conflict`) where the address is taken."""
    address = fields.email(form.email)
    with desk.changing():
        row = desk.store.create_account(address, fields.name(form.display_name), form.role, form.billing)
        made = account_view(row)
        desk.record("account.create", row.id, None, made)
    return made


def get_account(desk: Desk, account_id: int) -> AccountView:
    return account_view(_there(desk, account_id))


def list_accounts(desk: Desk, *, after_id: int, limit: int | None) -> list[AccountView]:
    return [account_view(row) for row in desk.store.list_accounts(after_id=after_id, limit=limit)]


def search_accounts(desk: Desk, query: AccountQuery, *, after_id: int, limit: int) -> list[AccountLine]:
    """By id, with what their keys amount to."""
    rows = desk.store.list_accounts(
        after_id=after_id,
        limit=limit,
        text=query.text.strip(),
        role=None if query.role is UNSET else query.role,
        status=None if query.status is UNSET else query.status,
    )
    keys = desk.store.keys_of([row.id for row in rows])
    return [account_line(row, keys.get(row.id, KeysOf())) for row in rows]


def edit_account(desk: Desk, account_id: int, edit: AccountEdit) -> AccountView:
    """Touches no field that is not named. Raises `StoreError` (`conflict`) where no administrator would be left, or one
    would suspend or demote themself."""
    columns = {field: value for field, value in msgspec.structs.asdict(edit).items() if value is not UNSET}
    if edit.email is not UNSET:
        columns["email"] = fields.email(edit.email)
    if edit.display_name is not UNSET:
        columns["display_name"] = fields.name(edit.display_name)
    with desk.changing():
        before = _there(desk, account_id)
        if edit.role == "user" or edit.status == "suspended":
            _demand_it_may_go(desk, before, "demote" if edit.role == "user" else "suspend")
        after = account_view(desk.store.change_account(account_id, columns) if columns else before)
        desk.record("account.edit", account_id, account_view(before), after)
    return after


def delete_account(desk: Desk, account_id: int) -> AccountView:
    """For good; its keys are refused and its browsers are signed out. What it used and paid stays on record."""
    with desk.changing():
        before = _there(desk, account_id)
        _demand_it_may_go(desk, before, "delete")
        desk.store.end_sessions(account_id)
        after = account_view(desk.store.delete_account(account_id))
        desk.record("account.delete", account_id, account_view(before), None)
    return after


def set_password(desk: Desk, account_id: int, password: str) -> None:
    """Whoever is signed in to the account is signed out. Raises `RequestError`; takes long, as `hash_password` does."""
    password_hash = hash_password(checked_password(password))
    with desk.changing():
        _there(desk, account_id)
        desk.store.set_password(account_id, password_hash)
        desk.record("account.password", account_id, None, None)


def clear_password(desk: Desk, account_id: int) -> None:
    """Nobody signs in to it with a password any more; whoever was signed in is signed out. Raises `StoreError`
    (`conflict`) for one's own account, and for the first one: without a password its setup address would be good
    again."""
    with desk.changing():
        _there(desk, account_id)
        if account_id == desk.actor.account_id:
            raise StoreError("Nobody can take away their own password.", kind="conflict", code="own_account")
        first = desk.store.first_account()
        if first is not None and first.id == account_id:
            raise StoreError(
                f"Account {account_id} is the first one: without a password, whoever has its setup address could take "
                "it over.",
                kind="conflict",
                code="first_account",
            )
        if desk.store.has_password(account_id):
            desk.store.set_password(account_id, None)
            desk.record("account.password_cleared", account_id, None, None)


def end_sessions(desk: Desk, account_id: int) -> int:
    """Signs out every browser of the account; how many there were."""
    with desk.changing():
        _there(desk, account_id)
        ended = desk.store.end_sessions(account_id)
        if ended:
            desk.record("account.sessions_ended", account_id, None, None)
    return ended


def access_of(desk: Desk, account_id: int) -> AccessView:
    _there(desk, account_id)
    now_ms = desk.now_ms()
    sessions = [row for row in desk.store.list_sessions(account_id) if now_ms < row.expires_ms]
    return AccessView(
        has_password=desk.store.has_password(account_id),
        sessions=len(sessions),
        seen_at=moment(sessions[0].seen_ms) if sessions else None,
    )


def addresses_of(desk: Desk, account_ids: Collection[int]) -> dict[int, str]:
    """By id, of deleted ones too."""
    return desk.store.account_emails(account_ids)


def find_account(desk: Desk, email: str) -> AccountView:
    """By its address."""
    wanted = fields.email(email.strip())
    found = desk.store.find_account(wanted)
    if found is None:
        raise StoreError(f"There is no account with the address {wanted}.", kind="not_found")
    return account_view(found)


def move_money(desk: Desk, account_id: int, movement: Movement) -> AccountView:
    """Exact to the nano-dollar. Raises `StoreError` (`conflict`) for a refund of more than the balance."""
    amount_nusd = nano_dollars(movement.amount_usd, "amount_usd")
    if isinstance(movement, Refund):
        amount_nusd = -amount_nusd
    with desk.changing():
        before = _there(desk, account_id)
        _check_amount(before, movement, amount_nusd)
        after = account_view(desk.store.move_money(account_id, _kind(movement), amount_nusd, movement.note))
        desk.record(f"account.{_kind(movement)}", account_id, account_view(before), after)
    return after


def list_movements(desk: Desk, account_id: int, *, before_id: int | None, limit: int) -> list[MovementView]:
    """The latest first, attempts of requests among them."""
    desk.store.get_account(account_id)
    return [movement_view(row) for row in desk.store.ledger_page(account_id, before_id, limit)]


def _there(desk: Desk, account_id: int) -> AccountRow:
    row = desk.store.get_account(account_id)
    if row.deleted_ms is not None:
        raise StoreError(f"Account {account_id} was deleted.", kind="not_found")
    return row


def _demand_it_may_go(desk: Desk, account: AccountRow, what: str) -> None:
    """Somebody who can manage accounts is left, and is whoever does this."""
    if not _is_admin(account):
        return
    if account.id == desk.actor.account_id:
        raise StoreError(f"Nobody can {what} their own administrator's account.", kind="conflict", code="own_account")
    if not any(_is_admin(other) for other in desk.store.list_accounts() if other.id != account.id):
        raise StoreError(f"Account {account.id} is the last administrator.", kind="conflict", code="last_administrator")


def _is_admin(account: AccountRow) -> bool:
    return account.role == "admin" and account.status == "active" and account.deleted_ms is None


def _check_amount(account: AccountRow, movement: Movement, amount_nusd: int) -> None:
    if isinstance(movement, Refund) and -amount_nusd > max(0, account.balance_nusd):
        raise StoreError(
            f"The balance of account {account.id} is {dollars(account.balance_nusd)} USD: no more can be given back.",
            kind="conflict",
            code="above_balance",
        )
    if abs(account.credited_nusd + amount_nusd) > _MOST_NUSD:
        raise StoreError(f"Account {account.id} cannot be given so much.", kind="conflict", code="too_much")


def _kind(movement: Movement) -> LedgerKind:
    if isinstance(movement, Refund):
        return "refund"
    return "adjustment" if isinstance(movement, Adjustment) else "top_up"
