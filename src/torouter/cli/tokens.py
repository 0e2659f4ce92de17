"""`torouter token`."""

from __future__ import annotations

from typing import Any

import click

from torouter.cli.naming import form
from torouter.cli.place import Place, placed
from torouter.cli.printing import minute, print_rows, said

__all__ = ["token"]


@click.group()
def token() -> None:
    """Admin tokens: who may use the management API."""


@token.command("create")
@click.argument("name")
@click.option("--account", "account_id", type=int, metavar="ID", help="An admin's. [default: the operator's account]")
@click.option(
    "--expires-days",
    "expires_in_days",
    type=click.IntRange(0, 36500),
    metavar="N",
    help="Ends N days from now. [default: never]",
)
@placed
def create_token(place: Place, **options: Any) -> None:
    """Make an admin token and print it: the only time that it can be seen.

    \b
    Example:
      TOKEN=$(torouter token create ci --expires-days 90)
    """
    from torouter.accounts.office import tokens
    from torouter.accounts.office.forms import NewToken

    asked = form(NewToken, **options)
    with place.changing() as desk:
        made = tokens.create_token(desk, asked)
        if not place.is_json:
            click.echo(f"Token {made.token.id} ({made.token.name}). It is shown this once:", err=True)
        said(place, made, made.secret)


@token.command("list")
@placed
def list_tokens(place: Place) -> None:
    """List the admin tokens.

    \b
    Example:
      torouter token list
    """
    from torouter.accounts.office import tokens

    with place.desk() as desk:
        rows = tokens.list_tokens(desk)
    print_rows(
        place,
        rows,
        ("ID", "TOKEN", "NAME", "ACCOUNT", "EXPIRES", "LAST USED"),
        lambda row: (row.id, row.shown, row.name, row.account_id, minute(row.expires_at), minute(row.last_used_at)),
    )


@token.command("revoke")
@click.argument("token_id", metavar="ID", type=int)
@placed
def revoke_token(place: Place, token_id: int) -> None:
    """Refuse an admin token from now on, for good.

    \b
    Example:
      torouter token revoke 1
    """
    from torouter.accounts.office import tokens

    with place.changing() as desk:
        view = tokens.revoke_token(desk, token_id)
        said(place, view, f"Token {view.id} ({view.name}) is revoked.")
