"""`torouter config`: channels and groups of the store, kept in one file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from torouter.cli.credentials import channel_rules
from torouter.cli.place import Place, placed
from torouter.cli.printing import said
from torouter.errors import TorouterError

if TYPE_CHECKING:
    from torouter.config.planning import Step

__all__ = ["config"]

_CHANGES = 2

_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def config() -> None:
    """Keep the channels and groups of the store in one file. What the file manages is changed there only."""


@config.command("plan")
@_file
@placed
def plan_config(place: Place, file: Path) -> None:
    """Show what `apply` would change: + comes, ~ changes, - goes. Keys are never shown.

    The exit code is 0 where nothing would change, 2 where something would, and 1 where the file has a fault.

    \b
    Example:
      torouter config plan channels.yaml
    """
    from torouter.config.applying import planned
    from torouter.config.declaration import read_declaration

    try:
        declared = read_declaration(file, os.environ)
        with place.desk(channel_rules()) as desk:
            steps = planned(desk, declared)
    except TorouterError as error:
        raise click.ClickException(error.message) from error
    _print(place, steps, "Nothing would change.")
    click.get_current_context().exit(_CHANGES if steps else 0)


@config.command("apply")
@_file
@placed
def apply_config(place: Place, file: Path) -> None:
    """Make the store as the file says: all of it, or nothing. It is in force when the command returns.

    \b
    Example:
      torouter config apply channels.yaml
    """
    from torouter.config.applying import apply
    from torouter.config.declaration import read_declaration

    declared = read_declaration(file, os.environ)
    with place.changing(channel_rules()) as desk:
        steps = apply(desk, declared)
        _print(place, steps, "Nothing to change.")


@config.command("export")
@placed
def export_config(place: Place) -> None:
    """Print the file that describes the channels and groups of the store. In place of keys it has names of variables.

    \b
    Example:
      torouter config export
    """
    from torouter.config.exporting import export

    with place.desk(channel_rules()) as desk:
        text = export(desk.store.list_channels(), desk.store.list_groups())
    said(place, {"yaml": text}, text.rstrip("\n"))


def _print(place: Place, steps: Sequence[Step], nothing: str) -> None:
    lines = [step.view.line for step in steps]
    said(place, [step.view for step in steps], "\n".join(lines) or nothing)
