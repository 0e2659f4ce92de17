"""`torouter db`."""

from __future__ import annotations

from pathlib import Path

import click

from torouter.cli.place import Place, data_option, database_option
from torouter.errors import TorouterError

__all__ = ["db"]


@click.group()
def db() -> None:
    """Look after the store."""


@db.command("upgrade")
@data_option
@database_option
def upgrade_store(data: Path | None, database: str | None) -> None:
    """Make the store, or bring it to this version's schema. `torouter serve` does so too.

    \b
    Example:
      torouter db upgrade --data /var/lib/torouter
    """
    with Place(data, database, False).store() as store:
        click.echo(f"{store.place} has this version's schema.")


@db.command("check")
@data_option
@database_option
def check_store(data: Path | None, database: str | None) -> None:
    """Say whether the store has this version's schema, changing nothing. Exits with 1 if it has not.

    \b
    Example:
      torouter db check
    """
    from torouter.store import schema_state

    place = Place(data, database, False)
    state = schema_state(place.data_dir, place.secret_database)
    if state.is_current:
        click.echo(f"{state.place} has this version's schema, {state.expected}.")
        return
    if not state.is_known:
        raise TorouterError(
            f"{state.place} has schema {state.found}, made by a newer version; this one knows schemas up to "
            f"{state.expected}. Install that version again."
        )
    found = f"has schema {state.found}" if state.found else "is not there yet, or empty"
    raise TorouterError(f"{state.place} {found}, and this version uses {state.expected}: run `torouter db upgrade`.")
