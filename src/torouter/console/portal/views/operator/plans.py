"""Plans, and the forms that make, change and delete them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from starlette.responses import Response

from torouter.accounts.office import groups, people, plans
from torouter.accounts.office.forms import NewPlan, PlanEdit
from torouter.accounts.office.refused import filled
from torouter.accounts.office.views import PlanView, SubscriptionView
from torouter.console.portal.key_form import Problem, problem_of, taken
from torouter.console.portal.plan_form import BLANK_PLAN, WINDOWS, named_plan, shown_plan
from torouter.console.portal.slices import slice_of
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError, StoreError
from torouter.units import moment

__all__ = ["create_plan", "delete_plan", "edit_plan", "list_plans"]

_FILTERS = ("account", "group", "status")


def list_plans(visit: Visit) -> Response:
    """With the subscriptions to them."""
    desk = visit.desk
    every = plans.list_subscriptions(desk, account_id=None)
    names = {group.id: group.name for group in groups.list_groups(desk)}
    values = {name: visit.query.get(name, "").strip() for name in _FILTERS}
    found = slice_of(_wanted(visit, every, names, values), visit.query)
    return visit.page(
        "operator/plans.html",
        plans=plans.list_plans(desk),
        counts=Counter(each.plan_id for each in every if each.status != "cancelled"),
        windows=WINDOWS,
        found=found,
        total=len(every),
        states={each.id: _state(each, moment(desk.now_ms())) for each in found.rows},
        accounts=plans.subscribers(desk, found.rows),
        groups=names,
        values=values,
    )


def create_plan(visit: Visit) -> Response:
    if not visit.is_post:
        return _form(visit, None, BLANK_PLAN)
    try:
        form = filled(NewPlan, named_plan(visit.form))
        visit.do_once(PlanView, lambda: plans.create_plan(visit.desk, form))
    except RequestError as error:
        return _form(visit, None, visit.form, problem_of(error), error.status)
    except StoreError as error:
        return _form(visit, None, visit.form, taken(error), error.status)
    return visit.done("/admin/plans", "saved")


def edit_plan(visit: Visit) -> Response:
    plan = plans.get_plan(visit.desk, visit.target_id("plan"))
    if not visit.is_post:
        return _form(visit, plan, shown_plan(plan))
    try:
        plans.edit_plan(visit.desk, plan.id, filled(PlanEdit, named_plan(visit.form)))
    except RequestError as error:
        return _form(visit, plan, visit.form, problem_of(error), error.status)
    except StoreError as error:
        return _form(visit, plan, visit.form, taken(error), error.status)
    return visit.done("/admin/plans", "saved")


def delete_plan(visit: Visit) -> Response:
    plan = plans.get_plan(visit.desk, visit.target_id("plan"))
    if not visit.is_post:
        return _sure(visit, plan)
    try:
        plans.delete_plan(visit.desk, plan.id)
    except StoreError as error:
        if error.kind != "conflict":
            raise
        return _sure(visit, plan, error.status)
    return visit.done("/admin/plans", "plan_deleted")


def _wanted(
    visit: Visit, every: list[SubscriptionView], names: dict[int, str], values: dict[str, str]
) -> list[SubscriptionView]:
    """The latest first. An address that nobody has finds nothing."""
    account_id: int | None = None
    if values["account"]:
        try:
            account_id = people.find_account(visit.desk, values["account"]).id
        except (RequestError, StoreError):
            return []
    return [
        each
        for each in reversed(every)
        if account_id in (None, each.account_id)
        and values["group"] in ("", names.get(each.group_id, ""))
        and values["status"] in ("", each.status)
    ]


def _state(subscription: SubscriptionView, now: datetime) -> str:
    """Its status, but for one that is active and not in force: `over` or `later`."""
    if subscription.status != "active":
        return subscription.status
    if subscription.ends_at is not None and subscription.ends_at <= now:
        return "over"
    return "later" if subscription.started_at > now else "active"


def _sure(visit: Visit, plan: PlanView, status: int = 200) -> Response:
    every = plans.list_subscriptions(visit.desk, account_id=None)
    held = sum(each.plan_id == plan.id and each.status != "cancelled" for each in every)
    return visit.page("operator/plan_delete.html", status, plan=plan, held=held)


def _form(
    visit: Visit, plan: PlanView | None, values: Any, problem: Problem | None = None, status: int = 200
) -> Response:
    return visit.page(
        "operator/plan_form.html",
        status,
        plan=plan,
        values={name: values.get(name, "") for name in BLANK_PLAN},
        problem=problem,
        windows=WINDOWS,
    )
