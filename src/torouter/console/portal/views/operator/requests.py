"""Requests of everybody: found by their id, or by whom and through what they went; and all that is known of one."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

from starlette.responses import Response

from torouter.accounts.office import usage
from torouter.accounts.office.forms import UsageQuery
from torouter.console.portal.arrivals import find_arriving
from torouter.console.portal.bills import bill_of
from torouter.console.portal.fields import cursor
from torouter.console.portal.views.operator.filters import channel_names, request_query, said_in
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError, StoreError
from torouter.units import OUTCOMES

__all__ = ["find_requests", "show_any_request"]

_PAGE_ROWS: Final = 50
_LOOK_ROWS: Final = 20_000
"""So many are looked at for a page, whatever is asked of them. Of a million in SQLite that takes 13 ms, and 58 ms where
they are one account's among a hundred others' (2026-11, one core)."""
_FILTERS: Final = ("id", "account", "key", "model", "channel", "outcome", "status", "since", "until")


def find_requests(visit: Visit) -> Response:
    values = said_in(visit, _FILTERS)
    if values["id"] and (found := _found(visit, values["id"])) is not None:
        return visit.go(found)
    problem: str | None = None
    try:
        query = request_query(visit, values)
    except RequestError as error:
        problem, query = error.param or "", UsageQuery()
    before = cursor(visit.query.get("before", ""))
    is_listed = not values["id"] and problem is None
    rows, following = (
        usage.search_requests(visit.desk, query, before=before, limit=_PAGE_ROWS, look_rows=_LOOK_ROWS)
        if is_listed
        else ([], None)
    )
    told = {name: value for name, value in values.items() if value}
    cursors = None if following is None else {"before": "{}-{}".format(*following)}
    return visit.page(
        "operator/requests.html",
        400 if problem is not None else 404 if values["id"] else 200,
        values=values,
        problem=problem,
        outcomes=OUTCOMES,
        channels=channel_names(visit),
        rows=rows,
        bills={row.id: bill_of(row) for row in rows},
        names=usage.names_in(visit.desk, rows),
        is_partial=len(rows) < _PAGE_ROWS and following is not None,
        look_rows=_LOOK_ROWS,
        first=f"/admin/requests?{urlencode(told)}" if before else None,
        following=None if cursors is None else f"/admin/requests?{urlencode(told | cursors)}",
    )


def show_any_request(visit: Visit) -> Response:
    found = find_arriving(visit.target, lambda: usage.find_request(visit.desk, visit.target))
    row = found.usage
    return visit.page(
        "operator/request.html",
        request_id=visit.target,
        row=row,
        attempts=found.attempts,
        bill=None if row is None else bill_of(row),
        names=usage.names_in(visit.desk, [] if row is None else [row]),
    )


def _found(visit: Visit, request_id: str) -> str | None:
    """The address of its page, where it is on record."""
    try:
        usage.find_request(visit.desk, request_id)
    except StoreError as error:
        if error.kind != "not_found":
            raise
        return None
    return f"/admin/requests/{quote(request_id, safe='')}"
