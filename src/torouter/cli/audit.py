"""`torouter audit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from torouter.cli.naming import form, period_options
from torouter.cli.place import Place, placed
from torouter.cli.printing import print_rows

if TYPE_CHECKING:
    from torouter.accounts.office.views import AuditView

__all__ = ["audit"]


@click.group()
def audit() -> None:
    """Who changed what."""


@audit.command("list")
@click.option("--kind", "object_kind", metavar="KIND", help="Only of keys, groups, accounts: key, group, account, ...")
@click.option("--id", "object_id", type=int, metavar="ID", help="Only of the one with this id.")
@click.option("--actor", metavar="TEXT", help="Only by those whose name has this in it.")
@period_options
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--before", "before_id", type=int, metavar="ID", help="Only what is older than this row.")
@placed
def list_audit(place: Place, limit: int, before_id: int | None, **options: Any) -> None:
    """List changes, the latest first.

    \b
    Examples:
      torouter audit list
      torouter audit list --kind key --id 3 --json
      torouter audit list --actor ada@example.com --since 2026-11-01
    """
    from torouter.accounts.office import records
    from torouter.accounts.office.forms import AuditQuery

    query = form(AuditQuery, **options)
    with place.desk() as desk:
        rows = records.list_audit(desk, query, before_id=before_id, limit=limit)
    print_rows(place, rows, ("ID", "TIME", "WHO", "FROM", "WHAT", "ID", "CHANGED"), _cells)


def _cells(row: AuditView) -> tuple[object, ...]:
    return row.id, row.at, row.actor, row.address or "-", row.action, row.object_id, _changed(row)


def _changed(row: AuditView) -> str:
    if row.before is None or row.after is None:
        return "-"
    return "; ".join(f"{name}: {row.before[name]} -> {row.after[name]}" for name in row.after)
