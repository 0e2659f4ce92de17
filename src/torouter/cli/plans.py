"""`torouter plan` and `torouter subscription`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from torouter.cli.naming import form
from torouter.cli.place import Place, placed
from torouter.cli.printing import print_rows, said

__all__ = ["plan", "subscription"]

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def plan() -> None:
    """Plans: how much a subscription may use in a day, a week and a month."""


def _windows(command: Command) -> Command:
    for window in ("monthly", "weekly", "daily"):
        command = click.option(f"--{window}-usd", metavar="USD", help=f"The {window} window; 0: none.")(command)
    return command


@plan.command("create")
@click.argument("name")
@_windows
@placed
def create_plan(place: Place, **options: Any) -> None:
    """Make a plan.

    \b
    Example:
      torouter plan create pro --daily-usd 5 --monthly-usd 60
    """
    from torouter.accounts.office import plans
    from torouter.accounts.office.forms import NewPlan

    asked = form(NewPlan, **options)
    with place.changing() as desk:
        view = plans.create_plan(desk, asked)
        said(place, view, f"Plan {view.id} ({view.name}) is there.")


@plan.command("list")
@placed
def list_plans(place: Place) -> None:
    """List the plans.

    \b
    Example:
      torouter plan list
    """
    from torouter.accounts.office import plans

    with place.desk() as desk:
        rows = plans.list_plans(desk)
    print_rows(
        place,
        rows,
        ("ID", "NAME", "DAILY", "WEEKLY", "MONTHLY"),
        lambda row: (row.id, row.name, row.daily_usd, row.weekly_usd, row.monthly_usd),
    )


@plan.command("edit")
@click.argument("plan_id", metavar="ID", type=int)
@click.option("--name", help="Its new name.")
@_windows
@placed
def edit_plan(place: Place, plan_id: int, **options: Any) -> None:
    """Change a plan, for those who have it too. What is not named stays as it is.

    \b
    Example:
      torouter plan edit 1 --weekly-usd 20
    """
    from torouter.accounts.office import plans
    from torouter.accounts.office.forms import PlanEdit

    edit = form(PlanEdit, **options)
    with place.changing() as desk:
        view = plans.edit_plan(desk, plan_id, edit)
        said(place, view, f"Plan {view.id} ({view.name}) is changed.")


@plan.command("delete")
@click.argument("plan_id", metavar="ID", type=int)
@click.confirmation_option("--yes", prompt="Delete this plan?", help="Do not ask.")
@placed
def delete_plan(place: Place, plan_id: int) -> None:
    """Delete a plan that nobody has.

    \b
    Example:
      torouter plan delete 1 --yes
    """
    from torouter.accounts.office import plans

    with place.changing() as desk:
        view = plans.delete_plan(desk, plan_id)
        said(place, view, f"Plan {view.id} is deleted.")


@click.group()
def subscription() -> None:
    """Who has which plan in which group."""


@subscription.command("set")
@click.argument("account_id", metavar="ACCOUNT", type=int)
@click.argument("group")
@click.argument("plan_id", metavar="PLAN", type=int)
@click.option("--status", type=click.Choice(["active", "paused", "cancelled"]), default="active", show_default=True)
@click.option("--started-at", metavar="DATE", help="Windows are counted from here. [default: now, or as it was]")
@click.option("--ends-at", metavar="DATE", help="[default: never]")
@placed
def set_subscription(place: Place, **options: Any) -> None:
    """Give an account a plan in a group, in place of what it had there.

    \b
    Example:
      torouter subscription set 2 pro-group 1
    """
    from torouter.accounts.office import plans
    from torouter.accounts.office.forms import SubscriptionForm

    asked = form(SubscriptionForm, **options)
    with place.changing() as desk:
        view = plans.subscribe(desk, asked)
        said(place, view, f"Subscription {view.id} of account {view.account_id} is {view.status}.")


@subscription.command("list")
@click.option("--account", "account_id", type=int, metavar="ID", help="Only this account's.")
@placed
def list_subscriptions(place: Place, account_id: int | None) -> None:
    """List the subscriptions.

    \b
    Example:
      torouter subscription list --account 2
    """
    from torouter.accounts.office import plans

    with place.desk() as desk:
        rows = plans.list_subscriptions(desk, account_id=account_id)
    print_rows(
        place,
        rows,
        ("ID", "ACCOUNT", "GROUP", "PLAN", "STATUS", "STARTED", "ENDS"),
        lambda row: (row.id, row.account_id, row.group_id, row.plan_id, row.status, row.started_at, row.ends_at),
    )


@subscription.command("edit")
@click.argument("subscription_id", metavar="ID", type=int)
@click.option("--plan", "plan_id", type=int, metavar="ID")
@click.option("--status", type=click.Choice(["active", "paused", "cancelled"]))
@click.option("--started-at", metavar="DATE", help="Windows are counted from here.")
@click.option("--ends-at", metavar="DATE", help="Or `never`.")
@placed
def edit_subscription(place: Place, subscription_id: int, **options: Any) -> None:
    """Pause, cancel or change a subscription. What is not named stays as it is.

    \b
    Example:
      torouter subscription edit 1 --status paused
    """
    from torouter.accounts.office import plans
    from torouter.accounts.office.forms import SubscriptionEdit

    edit = form(SubscriptionEdit, **options)
    with place.changing() as desk:
        view = plans.edit_subscription(desk, subscription_id, edit)
        said(place, view, f"Subscription {view.id} of account {view.account_id} is {view.status}.")
