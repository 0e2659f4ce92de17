"""Who changed what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from torouter.accounts.office import records
from torouter.accounts.office.forms import AuditQuery
from torouter.accounts.office.refused import filled
from torouter.accounts.office.views import AuditView
from torouter.console.portal.fields import Fields, day_begins, day_ends
from torouter.console.portal.views.operator.filters import said_in
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError

__all__ = ["KINDS", "Change", "changes_in", "list_audit"]

KINDS: Final = ("account", "channel", "group", "key", "plan", "price", "subscription", "token")
_PAGE_ROWS: Final = 50
_LOOK_ROWS: Final = 20_000
_FILTERS: Final = ("actor", "kind", "object", "since", "until")
_MOST_CHARACTERS: Final = 400
_PLACES: Final = {"account": "/admin/accounts/{}"}
"""Of objects that have a page of their own here."""


@dataclass(frozen=True, slots=True)
class Change:
    """Of one field. Empty: there was nothing."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class _Row:
    row: AuditView
    changes: list[Change]
    place: str | None


def list_audit(visit: Visit) -> Response:
    values = said_in(visit, _FILTERS)
    problem: str | None = None
    try:
        query = _query(values)
    except RequestError as error:
        problem, query = error.param or "", AuditQuery()
    before = visit.query.get("before", "")
    before_id = int(before) if before.isdecimal() and len(before) <= 18 else None
    rows, following = records.search_audit(
        visit.desk, query, before_id=before_id, limit=_PAGE_ROWS, look_rows=_LOOK_ROWS
    )
    told = {name: value for name, value in values.items() if value}
    return visit.page(
        "operator/audit.html",
        400 if problem is not None else 200,
        values=values,
        problem=problem,
        kinds=KINDS,
        rows=[_Row(row, changes_in(row), _place(row)) for row in rows],
        is_partial=len(rows) < _PAGE_ROWS and following is not None,
        look_rows=_LOOK_ROWS,
        first=f"/admin/audit?{urlencode(told)}" if before_id else None,
        following=None if following is None else f"/admin/audit?{urlencode(told | {'before': str(following)})}",
    )


def changes_in(row: AuditView) -> list[Change]:
    """Field by field; of what was made or deleted, what it had that says something."""
    before, after = row.before or {}, row.after or {}
    names = list(dict.fromkeys([*before, *after]))
    found = [Change(name, _said(before.get(name)), _said(after.get(name))) for name in names]
    return [change for change in found if change.before or change.after]


def _said(value: Any) -> str:
    """As people read it: lists and tables as JSON. What is longer than a few lines is cut."""
    if value is None or value == [] or value == {}:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _place(row: AuditView) -> str | None:
    pattern = _PLACES.get(row.object_kind)
    return None if pattern is None or row.action.endswith(".delete") else pattern.format(row.object_id)


def _query(values: Fields) -> AuditQuery:
    """Raises `RequestError`, which names the field."""
    named: dict[str, Any] = {
        "actor": values["actor"],
        "object_kind": values["kind"],
        "since": day_begins(values["since"], "since"),
        "until": day_ends(values["until"], "until"),
    }
    if values["object"]:
        if not values["object"].isdecimal() or len(values["object"]) > 18:
            raise RequestError("object: expected a number.", param="object")
        named["object_id"] = int(values["object"])
    return filled(AuditQuery, {name: value for name, value in named.items() if value not in ("", None)})
