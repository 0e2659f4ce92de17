"""Plans, and who has which of them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET

from torouter.accounts.dollars import nano_dollars
from torouter.accounts.office import fields
from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import NewPlan, PlanEdit, SubscriptionEdit, SubscriptionForm
from torouter.accounts.office.views import (
    AccountView,
    PlanView,
    SubscriptionView,
    account_view,
    plan_view,
    subscription_view,
)
from torouter.errors import StoreError
from torouter.store import PlanRow, SubscriptionRow

__all__ = [
    "create_plan",
    "delete_plan",
    "edit_plan",
    "edit_subscription",
    "get_plan",
    "list_plans",
    "list_subscriptions",
    "subscribe",
    "subscribers",
]

_WINDOWS = ("daily", "weekly", "monthly")


def create_plan(desk: Desk, form: NewPlan) -> PlanView:
    """A window that is not named is none. Raises `StoreError` (`conflict`) where the name is taken."""
    columns = dict.fromkeys((f"{window}_nusd" for window in _WINDOWS), 0) | _amounts(form)
    with desk.changing():
        made = plan_view(desk.store.create_plan(fields.name(form.name), **columns))
        desk.record("plan.create", made.id, None, made)
    return made


def get_plan(desk: Desk, plan_id: int) -> PlanView:
    return plan_view(_there(desk, plan_id))


def list_plans(desk: Desk) -> list[PlanView]:
    return [plan_view(row) for row in desk.store.list_plans()]


def edit_plan(desk: Desk, plan_id: int, edit: PlanEdit) -> PlanView:
    """Touches no field that is not named. Subscriptions to it have the new windows at once."""
    columns: dict[str, object] = dict(_amounts(edit))
    if edit.name is not UNSET:
        columns["name"] = fields.name(edit.name)
    with desk.changing():
        before = _there(desk, plan_id)
        after = plan_view(desk.store.change_plan(plan_id, columns) if columns else before)
        desk.record("plan.edit", plan_id, plan_view(before), after)
    return after


def delete_plan(desk: Desk, plan_id: int) -> PlanView:
    """Raises `StoreError` (`conflict`) while an account is subscribed to it."""
    with desk.changing():
        before = _there(desk, plan_id)
        after = plan_view(desk.store.delete_plan(plan_id))
        desk.record("plan.delete", plan_id, plan_view(before), None)
    return after


def list_subscriptions(desk: Desk, *, account_id: int | None) -> list[SubscriptionView]:
    return [subscription_view(row) for row in desk.store.list_subscriptions(account_id)]


def subscribers(desk: Desk, subscriptions: Iterable[SubscriptionView]) -> dict[int, AccountView]:
    """By id; deleted accounts too."""
    wanted = {each.account_id for each in subscriptions}
    return {account_id: account_view(desk.store.get_account(account_id)) for account_id in wanted}


def subscribe(desk: Desk, form: SubscriptionForm) -> SubscriptionView:
    """An account has one subscription in a group: this makes it, or takes the place of what it was."""
    with desk.changing():
        account, group = desk.store.get_account(form.account_id), desk.store.get_group(fields.name(form.group))
        if account.deleted_ms is not None:
            raise StoreError(f"Account {account.id} was deleted.", kind="not_found")
        _there(desk, form.plan_id)
        rows = desk.store.list_subscriptions(account.id)
        before = next((row for row in rows if row.group_id == group.id), None)
        row = desk.store.set_subscription(
            account_id=account.id,
            group_id=group.id,
            plan_id=form.plan_id,
            status=form.status,
            started_ms=_start_ms(desk, form, before),
            ends_ms=fields.end_ms(form.ends_at),
        )
        return _recorded(desk, before, row)


def edit_subscription(desk: Desk, subscription_id: int, edit: SubscriptionEdit) -> SubscriptionView:
    """Touches no field that is not named."""
    with desk.changing():
        before = next((row for row in desk.store.list_subscriptions() if row.id == subscription_id), None)
        if before is None:
            raise StoreError(f"There is no subscription {subscription_id}.", kind="not_found")
        if edit.plan_id is not UNSET:
            _there(desk, edit.plan_id)
        row = desk.store.set_subscription(
            account_id=before.account_id,
            group_id=before.group_id,
            plan_id=before.plan_id if edit.plan_id is UNSET else edit.plan_id,
            status=before.status if edit.status is UNSET else edit.status,
            started_ms=before.started_ms if edit.started_at is UNSET else fields.stored_ms(edit.started_at),
            ends_ms=before.ends_ms if edit.ends_at is UNSET else fields.end_ms(edit.ends_at),
        )
        return _recorded(desk, before, row)


def _recorded(desk: Desk, before: SubscriptionRow | None, row: SubscriptionRow) -> SubscriptionView:
    after = subscription_view(row)
    action = "subscription.create" if before is None else "subscription.edit"
    desk.record(action, row.id, None if before is None else subscription_view(before), after)
    return after


def _start_ms(desk: Desk, form: SubscriptionForm, before: SubscriptionRow | None) -> int:
    if form.started_at is not UNSET:
        return fields.stored_ms(form.started_at)
    return desk.now_ms() if before is None else before.started_ms


def _there(desk: Desk, plan_id: int) -> PlanRow:
    row = desk.store.get_plan(plan_id)
    if row.deleted_ms is not None:
        raise StoreError(f"There is no plan {plan_id}.", kind="not_found")
    return row


def _amounts(form: NewPlan | PlanEdit) -> dict[str, int]:
    said = {window: getattr(form, f"{window}_usd") for window in _WINDOWS}
    return {f"{window}_nusd": nano_dollars(text, f"{window}_usd") for window, text in said.items() if text is not UNSET}
