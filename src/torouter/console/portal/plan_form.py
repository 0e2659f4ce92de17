"""The forms of a plan and of a subscription: from their fields to what the office takes, and back."""

from __future__ import annotations

from datetime import UTC
from typing import Any, Final

from torouter.accounts.office.views import PlanView, SubscriptionView
from torouter.console.portal.fields import Fields, at_minute, day_ends, money
from torouter.console.portal.shown import last_day
from torouter.errors import RequestError

__all__ = [
    "BLANK_PLAN",
    "BLANK_SUBSCRIPTION",
    "WINDOWS",
    "named_plan",
    "named_subscription",
    "shown_plan",
    "shown_subscription",
]

WINDOWS: Final = ("daily_usd", "weekly_usd", "monthly_usd")

BLANK_PLAN: Final = dict.fromkeys(("name", *WINDOWS), "")
BLANK_SUBSCRIPTION: Final = {
    "account": "",
    "group": "",
    "plan_id": "",
    "status": "active",
    "started_at": "",
    "ends_on": "",
}


def named_plan(form: Fields) -> dict[str, Any]:
    amounts = {name: money(form.get(name, "")) or "0" for name in WINDOWS}
    return {"name": form.get("name", ""), **amounts}


def shown_plan(plan: PlanView) -> dict[str, str]:
    amounts = {name: getattr(plan, name) for name in WINDOWS}
    return {"name": plan.name, **{name: "" if text == "0.00" else text for name, text in amounts.items()}}


def named_subscription(form: Fields, before: Fields | None = None) -> dict[str, Any]:
    """Without the account and the group. Times that are as they were shown are not named, so that they stay exact, and
    a start that nobody gave is for the office to say. Raises `RequestError`."""
    plan_id = form.get("plan_id", "")
    if not plan_id.isdecimal() or len(plan_id) > 18:
        raise RequestError("plan_id: expected a plan.", param="plan_id")
    said: dict[str, Any] = {"plan_id": int(plan_id), "status": form.get("status", "")}
    started_at, ends_on = form.get("started_at", ""), form.get("ends_on", "")
    if started_at.strip() and (before is None or started_at != before["started_at"]):
        said["started_at"] = at_minute(started_at, "started_at")
    if before is None or ends_on != before["ends_on"]:
        said["ends_at"] = day_ends(ends_on, "ends_on")
    return said


def shown_subscription(subscription: SubscriptionView) -> dict[str, str]:
    return {
        "plan_id": str(subscription.plan_id),
        "status": subscription.status,
        "started_at": subscription.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M"),
        "ends_on": last_day(subscription.ends_at),
    }
