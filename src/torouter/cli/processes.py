"""`torouter process`."""

from __future__ import annotations

import click

from torouter.cli.place import Place, placed
from torouter.cli.printing import print_rows

__all__ = ["process"]


@click.group()
def process() -> None:
    """The processes that serve."""


@process.command("list")
@placed
def list_processes(place: Place) -> None:
    """List the processes that serve, and which state of keys and accounts they work by.

    \b
    Example:
      torouter process list
    """
    from torouter.accounts.office import records

    with place.desk() as desk:
        rows = records.list_processes(desk)
    print_rows(
        place,
        rows,
        ("ID", "PLACE", "REPLICA", "REVISION", "STARTED", "SEEN"),
        lambda row: (row.id, row.place, row.replica, row.revision, row.started_at, row.seen_at),
    )
