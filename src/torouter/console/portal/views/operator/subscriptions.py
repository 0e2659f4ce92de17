"""Who has which plan: the forms that give one, change it, pause it and cancel it."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from torouter.accounts.office import groups, people, plans
from torouter.accounts.office.forms import SubscriptionEdit, SubscriptionForm
from torouter.accounts.office.refused import filled
from torouter.accounts.office.views import SubscriptionView
from torouter.console.portal.key_form import Problem, problem_of
from torouter.console.portal.plan_form import BLANK_SUBSCRIPTION, named_subscription, shown_subscription
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError, StoreError

__all__ = ["edit_subscription", "set_status", "subscribe"]

_MOST_KNOWN: Final = 200
_PLANS: Final = "/admin/plans"


def subscribe(visit: Visit) -> Response:
    if not visit.is_post:
        asked = {name: visit.query[name] for name in ("account", "group", "plan_id") if name in visit.query}
        return _form(visit, None, BLANK_SUBSCRIPTION | asked)
    try:
        named = named_subscription(visit.form) | {"group": visit.form.get("group", "")}
        form = filled(SubscriptionForm, named | {"account_id": _account_id(visit)})
        visit.do_once(SubscriptionView, lambda: plans.subscribe(visit.desk, form))
    except RequestError as error:
        return _form(visit, None, visit.form, problem_of(error), error.status)
    return visit.done(_PLANS, "saved")


def edit_subscription(visit: Visit) -> Response:
    subscription = _subscription(visit)
    shown = shown_subscription(subscription)
    if not visit.is_post:
        return _form(visit, subscription, shown)
    try:
        edit = filled(SubscriptionEdit, named_subscription(visit.form, shown))
        plans.edit_subscription(visit.desk, subscription.id, edit)
    except RequestError as error:
        return _form(visit, subscription, visit.form, problem_of(error), error.status)
    return visit.done(_PLANS, "saved")


def set_status(visit: Visit) -> Response:
    subscription = _subscription(visit)
    edit = filled(SubscriptionEdit, {"status": visit.form.get("status", "")})
    plans.edit_subscription(visit.desk, subscription.id, edit)
    return visit.done(_PLANS, "saved")


def _account_id(visit: Visit) -> int:
    """Of the address in the form."""
    try:
        return people.find_account(visit.desk, visit.form.get("account", "")).id
    except (RequestError, StoreError) as error:
        raise RequestError(error.message, param="account") from error


def _subscription(visit: Visit) -> SubscriptionView:
    """Raises `StoreError` (`not_found`)."""
    wanted = visit.target_id("subscription")
    found = next((each for each in plans.list_subscriptions(visit.desk, account_id=None) if each.id == wanted), None)
    if found is None:
        raise StoreError(f"There is no subscription {wanted}.", kind="not_found")
    return found


def _form(
    visit: Visit,
    subscription: SubscriptionView | None,
    values: Any,
    problem: Problem | None = None,
    status: int = 200,
) -> Response:
    desk = visit.desk
    every = sorted(groups.list_groups(desk), key=lambda group: group.billing != "subscription")
    account = None if subscription is None else plans.subscribers(desk, [subscription])[subscription.account_id]
    known = [] if account else people.list_accounts(desk, after_id=0, limit=_MOST_KNOWN)
    return visit.page(
        "operator/subscription_form.html",
        status,
        subscription=subscription,
        account=account,
        values={name: values.get(name, "") for name in BLANK_SUBSCRIPTION},
        problem=problem,
        plans=[(str(each.id), each.name) for each in plans.list_plans(desk)],
        groups=[(each.name, f"{each.name} – {visit.words(f'groups.billing.{each.billing}')}") for each in every],
        group=next((each.name for each in every if subscription and each.id == subscription.group_id), ""),
        known=[each.email for each in known],
    )
