"""What is only read: who changed what, and who serves."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from torouter.accounts.office.desk import Desk
from torouter.accounts.office.fields import stored_ms
from torouter.accounts.office.forms import AuditQuery
from torouter.accounts.office.views import AuditView, ProcessView, audit_view, process_view
from torouter.store import AuditFilter

__all__ = ["list_audit", "list_processes", "search_audit"]

_LIVE_MS: Final = 30_000


def list_audit(desk: Desk, query: AuditQuery, *, before_id: int | None, limit: int) -> list[AuditView]:
    """The latest first."""
    return [audit_view(row) for row in desk.store.audit_page(before_id, limit, _filter(query))]


def search_audit(
    desk: Desk, query: AuditQuery, *, before_id: int | None, limit: int, look_rows: int
) -> tuple[list[AuditView], int | None]:
    """As `list_audit`, of at most so many rows, so that it is quick whatever is asked; and where to look on."""
    wanted = _filter(query)
    lowest_id = None if query == AuditQuery() else desk.store.audit_floor(before_id, look_rows)
    rows = desk.store.audit_page(before_id, limit, wanted, lowest_id)
    following = rows[-1].id if len(rows) == limit else lowest_id
    return [audit_view(row) for row in rows], following


def _filter(query: AuditQuery) -> AuditFilter:
    return AuditFilter(
        object_kind=None if query.object_kind is UNSET else query.object_kind,
        object_id=None if query.object_id is UNSET else query.object_id,
        actor="" if query.actor is UNSET else query.actor.strip(),
        from_ms=None if query.since is UNSET else stored_ms(query.since),
        until_ms=None if query.until is UNSET else stored_ms(query.until),
    )


def list_processes(desk: Desk) -> list[ProcessView]:
    """Those that said within the last half minute that they serve."""
    return [process_view(row) for row in desk.store.live_processes(desk.now_ms() - _LIVE_MS)]
