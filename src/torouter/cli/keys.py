"""`torouter key`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from torouter.cli.naming import form, limit_options, listed, three_way
from torouter.cli.place import Place, placed
from torouter.cli.printing import minute, print_one, print_rows, said

if TYPE_CHECKING:
    from torouter.accounts.office.views import KeyView, MadeKey

__all__ = ["key"]

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def key() -> None:
    """Make, list, edit, replace and delete API keys. A change is in force when the command returns."""


def _settings(command: Command) -> Command:
    for option in reversed(
        (
            click.option("--models", metavar="A,B", help='Only these models; "": all of the group.'),
            click.option(
                "--expires-days",
                "expires_in_days",
                type=click.IntRange(0, 36500),
                metavar="N",
                help="Ends N days from now; 0: never.",
            ),
            click.option("--expires-at", metavar="DATE", help="Ends at this day or time (UTC), or `never`."),
            limit_options,
            click.option("--ip-allow", metavar="A,B", help='Only from these networks; "": from anywhere.'),
            click.option("--ip-deny", metavar="A,B", help='Never from these networks; "": from anywhere.'),
            three_way("strict", "Reserve the most that a request may cost before it is sent."),
            click.option(
                "--on-hangup",
                type=click.Choice(["cancel", "drain", "default"]),
                help="What becomes of an answer whose client has left.",
            ),
            three_way("keep-responses", "Keep its answers for later requests that refer to them."),
        )
    ):
        command = option(command)
    return command


def _named(options: dict[str, Any]) -> dict[str, Any]:
    """The options as the form's fields."""
    lists = {name: listed(options[name]) for name in ("models", "ip_allow", "ip_deny")}
    return (
        {name: value for name, value in options.items() if name != "strict"} | lists | {"is_strict": options["strict"]}
    )


@key.command("create")
@click.option("--name", default="key", show_default=True, help="What you call it.")
@click.option("--group", default="default", show_default=True, help="The group whose channels it may use.")
@click.option("--account", "account_id", type=int, metavar="ID", help="Who pays. [default: the operator's account]")
@_settings
@placed
def create_key(place: Place, **options: Any) -> None:
    """Make a key and print it: the only time that it can be seen.

    \b
    Examples:
      torouter key create --name laptop
      KEY=$(torouter key create --name ci --models gpt-5-mini,claude-haiku-4-5 --expires-days 90)
      torouter key create --account 2 --cap-usd 50 --rpm 60 --ip-allow 203.0.113.0/24
    """
    from torouter.accounts.office import keys
    from torouter.accounts.office.forms import NewKey

    asked = form(NewKey, **_named(options))
    with place.changing() as desk:
        _show_made(place, keys.create_key(desk, asked))


@key.command("list")
@click.option("--all", "include_deleted", is_flag=True, help="Deleted keys too.")
@click.option("--account", "account_id", type=int, metavar="ID", help="Only this account's.")
@placed
def list_keys(place: Place, include_deleted: bool, account_id: int | None) -> None:
    """List the keys: their first and last characters, and what they may do.

    \b
    Example:
      torouter key list
    """
    from torouter.accounts.office import keys

    with place.desk() as desk:
        rows = keys.list_keys(desk, account_id=account_id, include_deleted=include_deleted, after_id=0, limit=None)
    heads = ("ID", "KEY", "NAME", "ACCOUNT", "GROUP", "STATUS", "MODELS", "SPENT", "CAP", "EXPIRES", "LAST USED")
    print_rows(place, rows, heads, _cells)


@key.command("show")
@click.argument("key_id", metavar="ID", type=int)
@placed
def show_key(place: Place, key_id: int) -> None:
    """Show everything that is known of a key.

    \b
    Example:
      torouter key show 3
    """
    from torouter.accounts.office import keys

    with place.desk() as desk:
        view = keys.get_key(desk, key_id)
    print_one(place, view)


@key.command("edit")
@click.argument("key_id", metavar="ID", type=int)
@click.option("--name", help="What you call it.")
@click.option("--group", help="The group whose channels it may use.")
@_settings
@placed
def edit_key(place: Place, key_id: int, **options: Any) -> None:
    """Change a key. What is not named stays as it is.

    \b
    Examples:
      torouter key edit 3 --cap-usd 100 --rpm 120
      torouter key edit 3 --ip-allow "" --expires-at never
    """
    from torouter.accounts.office.forms import KeyEdit

    _edit(place, key_id, form(KeyEdit, **_named(options)), "changed")


@key.command("disable")
@click.argument("key_id", metavar="ID", type=int)
@placed
def disable_key(place: Place, key_id: int) -> None:
    """Refuse a key until it is enabled again.

    \b
    Example:
      torouter key disable 3
    """
    from torouter.accounts.office.forms import KeyEdit

    _edit(place, key_id, KeyEdit(status="disabled"), "disabled")


@key.command("enable")
@click.argument("key_id", metavar="ID", type=int)
@placed
def enable_key(place: Place, key_id: int) -> None:
    """Accept a disabled key again.

    \b
    Example:
      torouter key enable 3
    """
    from torouter.accounts.office.forms import KeyEdit

    _edit(place, key_id, KeyEdit(status="enabled"), "enabled")


@key.command("rotate")
@click.argument("key_id", metavar="ID", type=int)
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, 90 * 24),
    default=0,
    show_default=True,
    metavar="N",
    help="How long the old key works on.",
)
@placed
def rotate_key(place: Place, key_id: int, overlap_hours: int) -> None:
    """Replace a key: a new one with the same settings, printed once. The old one is deleted, or ends after the overlap.

    \b
    Example:
      KEY=$(torouter key rotate 3 --overlap-hours 24)
    """
    from torouter.accounts.office import keys
    from torouter.accounts.office.forms import Replacement

    with place.changing() as desk:
        _show_made(place, keys.rotate_key(desk, key_id, form(Replacement, overlap_s=overlap_hours * 3600)))


@key.command("delete")
@click.argument("key_id", metavar="ID", type=int)
@click.confirmation_option("--yes", prompt="Delete this key for good?", help="Do not ask.")
@placed
def delete_key(place: Place, key_id: int) -> None:
    """Delete a key for good. What it used stays on record.

    \b
    Example:
      torouter key delete 3 --yes
    """
    from torouter.accounts.office import keys

    with place.changing() as desk:
        view = keys.delete_key(desk, key_id)
        said(place, view, f"Key {view.id} ({view.name}) is deleted.")


def _edit(place: Place, key_id: int, edit: Any, done: str) -> None:
    from torouter.accounts.office import keys

    with place.changing() as desk:
        view = keys.edit_key(desk, key_id, edit)
        said(place, view, f"Key {view.id} ({view.name}) is {done}.")


def _show_made(place: Place, made: MadeKey) -> None:
    if not place.is_json:
        row = made.key
        click.echo(f"Key {row.id} ({row.name}) of group {row.group}. It is shown this once:", err=True)
    said(place, made, made.secret)


def _cells(row: KeyView) -> tuple[object, ...]:
    return (
        row.id,
        row.shown,
        row.name,
        row.account_id,
        row.group,
        row.status if row.deleted_at is None else "deleted",
        ", ".join(row.models) or "all",
        row.spent_usd,
        row.cap_usd if row.cap_usd != "0.00" else "none",
        minute(row.expires_at),
        minute(row.last_used_at),
    )
