"""`torouter group`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from torouter.cli.naming import form, limit_options, listed, read_json
from torouter.cli.place import Place, placed
from torouter.cli.printing import print_one, print_rows, said

__all__ = ["group"]

Command = TypeVar("Command", bound=Callable[..., Any])

_LIMITS = ("cap_usd", "limit_5h", "limit_1d", "limit_7d", "rpm", "tpm", "concurrency")


@click.group()
def group() -> None:
    """Make, list, edit and delete groups. A channel may be reserved for the keys of some groups."""


def _settings(command: Command) -> Command:
    for option in reversed(
        (
            click.option("--platform", help='Only channels of this kind; "": any.'),
            click.option(
                "--billing",
                type=click.Choice(["balance", "subscription"]),
                help="What pays: the account's balance, or the windows of its plan.",
            ),
            click.option("--multiplier", metavar="X", help="On every price, such as 1.25."),
            click.option("--models", metavar="A,B", help='Only these models; "": all that its channels have.'),
            limit_options,
            click.option(
                "--on-cut",
                type=click.Choice(["error", "resume-if-identical"]),
                help="What follows an answer that breaks off.",
            ),
            click.option(
                "--fallbacks",
                metavar="JSON",
                help="What stands in for a model, as the management API has it; {}: nothing.",
            ),
        )
    ):
        command = option(command)
    return command


def _named(options: dict[str, Any]) -> dict[str, Any]:
    """The options as the form's fields. The limits are defaults for its keys."""
    defaults = {name: options.pop(name) for name in _LIMITS}
    said_ones = {name: value for name, value in defaults.items() if value is not None}
    fallbacks = None if options["fallbacks"] is None else read_json(options["fallbacks"], "--fallbacks")
    return options | {"models": listed(options["models"]), "defaults": said_ones or None, "fallbacks": fallbacks}


@group.command("create")
@click.argument("name")
@_settings
@placed
def create_group(place: Place, **options: Any) -> None:
    """Make a group of keys. Its limits are for those of its keys that set none.

    \b
    Examples:
      torouter group create research
      torouter group create trial --models gpt-5-mini --cap-usd 5 --rpm 10
    """
    from torouter.accounts.office import groups
    from torouter.accounts.office.forms import NewGroup

    asked = form(NewGroup, **_named(options))
    with place.changing() as desk:
        view = groups.create_group(desk, asked)
        said(place, view, f"Group {view.name} is there. A key of it: torouter key create --group {view.name}")


@group.command("list")
@placed
def list_groups(place: Place) -> None:
    """List the groups.

    \b
    Example:
      torouter group list
    """
    from torouter.accounts.office import groups

    with place.desk() as desk:
        rows = groups.list_groups(desk)
    heads = ("ID", "NAME", "PLATFORM", "BILLING", "MULTIPLIER", "MODELS", "CREATED")
    print_rows(
        place,
        rows,
        heads,
        lambda row: (
            row.id,
            row.name,
            row.platform or "any",
            row.billing,
            row.multiplier,
            ", ".join(row.models) or "all",
            row.created_at,
        ),
    )


@group.command("show")
@click.argument("group_id", metavar="ID", type=int)
@placed
def show_group(place: Place, group_id: int) -> None:
    """Show everything that is known of a group.

    \b
    Example:
      torouter group show 1
    """
    from torouter.accounts.office import groups

    with place.desk() as desk:
        view = groups.get_group(desk, group_id)
    print_one(place, view)


@group.command("edit")
@click.argument("group_id", metavar="ID", type=int)
@click.option("--name", help="Its new name.")
@_settings
@placed
def edit_group(place: Place, group_id: int, **options: Any) -> None:
    """Change a group. What is not named stays as it is.

    \b
    Example:
      torouter group edit 2 --multiplier 1.2 --rpm 60
    """
    from torouter.accounts.office import groups
    from torouter.accounts.office.forms import GroupEdit

    edit = form(GroupEdit, **_named(options))
    with place.changing() as desk:
        view = groups.edit_group(desk, group_id, edit)
        said(place, view, f"Group {view.name} is changed.")


@group.command("delete")
@click.argument("group_id", metavar="ID", type=int)
@click.confirmation_option("--yes", prompt="Delete this group?", help="Do not ask.")
@placed
def delete_group(place: Place, group_id: int) -> None:
    """Delete a group that has neither keys nor subscriptions.

    \b
    Example:
      torouter group delete 2 --yes
    """
    from torouter.accounts.office import groups

    with place.changing() as desk:
        name = groups.get_group(desk, group_id).name
        view = groups.delete_group(desk, group_id)
        said(place, view, f"Group {name} is deleted.")
