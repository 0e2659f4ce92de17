"""`torouter account`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from torouter.cli.naming import form
from torouter.cli.place import Place, placed
from torouter.cli.printing import print_one, print_rows, said

if TYPE_CHECKING:
    from torouter.accounts.office.views import AccountView, MovementView

__all__ = ["account"]


@click.group()
def account() -> None:
    """Make and look after accounts, and their money."""


@account.command("create")
@click.argument("email", metavar="E-MAIL")
@click.option("--name", "display_name", default="", help="Who it is.")
@click.option("--role", type=click.Choice(["user", "admin"]), default="user", show_default=True)
@click.option(
    "--billing",
    type=click.Choice(["prepaid", "unlimited"]),
    default="prepaid",
    show_default=True,
    help="Does it spend a balance, or is its use only written down?",
)
@placed
def create_account(place: Place, **options: Any) -> None:
    """Make an account.

    \b
    Example:
      torouter account create ada@example.com --name "Ada Lovelace"
    """
    from torouter.accounts.office import people
    from torouter.accounts.office.forms import NewAccount

    asked = form(NewAccount, **options)
    with place.changing() as desk:
        view = people.create_account(desk, asked)
        said(
            place,
            view,
            f"Account {view.id} ({view.email}) is there. A key of it: torouter key create --account {view.id}",
        )


@account.command("list")
@placed
def list_accounts(place: Place) -> None:
    """List the accounts.

    \b
    Example:
      torouter account list
    """
    from torouter.accounts.office import people

    with place.desk() as desk:
        rows = people.list_accounts(desk, after_id=0, limit=None)
    heads = ("ID", "E-MAIL", "NAME", "ROLE", "STATUS", "BILLING", "BALANCE", "CREATED")
    print_rows(place, rows, heads, _cells)


@account.command("show")
@click.argument("account_id", metavar="ID", type=int)
@placed
def show_account(place: Place, account_id: int) -> None:
    """Show everything that is known of an account.

    \b
    Example:
      torouter account show 2
    """
    from torouter.accounts.office import people

    with place.desk() as desk:
        view = people.get_account(desk, account_id)
    print_one(place, view)


@account.command("edit")
@click.argument("account_id", metavar="ID", type=int)
@click.option("--email")
@click.option("--name", "display_name", help="Who it is.")
@click.option("--role", type=click.Choice(["user", "admin"]))
@click.option("--billing", type=click.Choice(["prepaid", "unlimited"]))
@placed
def edit_account(place: Place, account_id: int, **options: Any) -> None:
    """Change an account. What is not named stays as it is.

    \b
    Example:
      torouter account edit 2 --billing unlimited
    """
    _edit(place, account_id, "changed", options)


@account.command("password")
@click.argument("email", metavar="E-MAIL")
@placed
def set_password(place: Place, email: str) -> None:
    """Set the password with which an account signs in to the portal; it is asked for, twice.

    Whoever is signed in to the account is signed out.

    \b
    Example:
      torouter account password ada@example.com
    """
    from torouter.accounts.office import people

    with place.desk() as desk:
        view = people.find_account(desk, email)
        password = click.prompt("New password", hide_input=True, confirmation_prompt="The same again", err=True)
        people.set_password(desk, view.id, password)
    said(place, view, f"Account {view.id} ({view.email}) has a new password.")


@account.command("suspend")
@click.argument("account_id", metavar="ID", type=int)
@placed
def suspend_account(place: Place, account_id: int) -> None:
    """Refuse all keys of an account until it is activated again.

    \b
    Example:
      torouter account suspend 2
    """
    _edit(place, account_id, "suspended", {"status": "suspended"})


@account.command("activate")
@click.argument("account_id", metavar="ID", type=int)
@placed
def activate_account(place: Place, account_id: int) -> None:
    """Accept the keys of a suspended account again.

    \b
    Example:
      torouter account activate 2
    """
    _edit(place, account_id, "active", {"status": "active"})


@account.command("delete")
@click.argument("account_id", metavar="ID", type=int)
@click.confirmation_option("--yes", prompt="Delete this account for good?", help="Do not ask.")
@placed
def delete_account(place: Place, account_id: int) -> None:
    """Delete an account for good. Its keys are refused; what it used and paid stays on record.

    \b
    Example:
      torouter account delete 2 --yes
    """
    from torouter.accounts.office import people

    with place.changing() as desk:
        view = people.delete_account(desk, account_id)
        said(place, view, f"Account {view.id} is deleted.")


@account.command("credit")
@click.argument("account_id", metavar="ID", type=int)
@click.argument("amount_usd", metavar="USD")
@click.option("--note", default="", help="What for.")
@placed
def credit_account(place: Place, account_id: int, amount_usd: str, note: str) -> None:
    """Add money that came in.

    \b
    Example:
      torouter account credit 2 25.00 --note "invoice 17"
    """
    _move(place, account_id, "top_up", amount_usd, note)


@account.command("refund")
@click.argument("account_id", metavar="ID", type=int)
@click.argument("amount_usd", metavar="USD")
@click.option("--note", default="", help="What for.")
@placed
def refund_account(place: Place, account_id: int, amount_usd: str, note: str) -> None:
    """Take off money that was given back: no more than the balance.

    \b
    Example:
      torouter account refund 2 5.00 --note "invoice 17, in part"
    """
    _move(place, account_id, "refund", amount_usd, note)


@account.command("adjust", context_settings={"ignore_unknown_options": True})
@click.argument("account_id", metavar="ID", type=int)
@click.argument("amount_usd", metavar="USD")
@click.option("--note", default="", help="What for.")
@placed
def adjust_account(place: Place, account_id: int, amount_usd: str, note: str) -> None:
    """Correct a balance, up or down.

    \b
    Example:
      torouter account adjust 2 -0.35 --note "counted twice"
    """
    _move(place, account_id, "adjustment", amount_usd, note)


@account.command("money")
@click.argument("account_id", metavar="ID", type=int)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--before", "before_id", type=int, metavar="ID", help="Only what is older than this movement.")
@placed
def list_money(place: Place, account_id: int, limit: int, before_id: int | None) -> None:
    """List the movements of a balance, the latest first.

    \b
    Example:
      torouter account money 2
    """
    from torouter.accounts.office import people

    with place.desk() as desk:
        rows = people.list_movements(desk, account_id, before_id=before_id, limit=limit)
    print_rows(place, rows, ("ID", "TIME", "KIND", "USD", "KEY", "REQUEST", "NOTE"), _movement_cells)


def _edit(place: Place, account_id: int, done: str, options: dict[str, Any]) -> None:
    from torouter.accounts.office import people
    from torouter.accounts.office.forms import AccountEdit

    edit = form(AccountEdit, **options)
    with place.changing() as desk:
        view = people.edit_account(desk, account_id, edit)
        said(place, view, f"Account {view.id} ({view.email}) is {done}.")


def _move(place: Place, account_id: int, kind: str, amount_usd: str, note: str) -> None:
    from torouter.accounts.office import people
    from torouter.accounts.office.forms import Movement

    movement: Any = form(Movement, kind=kind, amount_usd=amount_usd, note=note)  # type: ignore[arg-type]
    with place.changing() as desk:
        view = people.move_money(desk, account_id, movement)
        said(place, view, f"The balance of account {view.id} ({view.email}) is {view.balance_usd} USD.")


def _cells(row: AccountView) -> tuple[object, ...]:
    return (
        row.id,
        row.email,
        row.display_name,
        row.role,
        row.status,
        row.billing,
        row.balance_usd,
        row.created_at,
    )


def _movement_cells(row: MovementView) -> tuple[object, ...]:
    return row.id, row.at, row.kind, row.amount_usd, row.key_id or "-", row.request_id or "-", row.note or "-"
