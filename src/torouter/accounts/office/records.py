"""What is only read: who changed what, and who serves."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import AuditQuery
from torouter.accounts.office.views import AuditView, ProcessView, audit_view, process_view

__all__ = ["list_audit", "list_processes"]

_LIVE_MS: Final = 30_000


def list_audit(desk: Desk, query: AuditQuery, *, before_id: int | None, limit: int) -> list[AuditView]:
    """The latest first."""
    rows = desk.store.audit_page(
        before_id=before_id,
        limit=limit,
        object_kind=None if query.object_kind is UNSET else query.object_kind,
        object_id=None if query.object_id is UNSET else query.object_id,
    )
    return [audit_view(row) for row in rows]


def list_processes(desk: Desk) -> list[ProcessView]:
    """Those that said within the last half minute that they serve."""
    return [process_view(row) for row in desk.store.live_processes(desk.now_ms() - _LIVE_MS)]
