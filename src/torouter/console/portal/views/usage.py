"""What was used: the list with its filters and sums, one request, and the file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response, StreamingResponse

from torouter.accounts.office.forms import UsageQuery
from torouter.accounts.office.refused import filled
from torouter.accounts.office.views import KeyView
from torouter.console.portal.arrivals import find_arriving
from torouter.console.portal.bills import bill_of
from torouter.console.portal.chart import REQUESTS_HEIGHT, SPEND_HEIGHT, Slot, Step, chart, slots
from torouter.console.portal.fields import Fields, cursor, day_begins, day_ends
from torouter.console.portal.shown import day
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError, StoreError
from torouter.units import OUTCOMES, moment

__all__ = ["export_usage", "list_usage", "show_request"]

_PAGE_ROWS: Final = 50
_DAYS: Final = 7
_MOST_MODELS: Final = 25
_MOST_KEYS: Final = 100
_DAY: Final = timedelta(days=1)
_HOURLY: Final = 2 * _DAY
"""A range that is no longer is shown by hour."""
_FILTERS: Final = ("since", "until", "model", "key", "outcome", "status")
_FAILED: Final = ("4", "5")
"""What statuses begin with that can be asked for: those of nearly all requests would be looked up one by one."""


def list_usage(visit: Visit) -> Response:
    own, values = visit.own, _values(visit)
    problem: str | None = None
    try:
        query = _query(values)
    except RequestError as error:
        problem, values = error.param or "", _values(visit, is_blank=True)
        query = _query(values)
    keys = own.list_keys(include_deleted=True)
    offered, more_keys = _offered(keys, values["key"])
    rows, following = own.list_usage(query, before=cursor(visit.query.get("before", "")), limit=_PAGE_ROWS)
    told = {name: value for name, value in values.items() if value}
    totals, models = own.usage_summary(query)
    shown = _slots(visit, query)
    return visit.page(
        "usage.html",
        400 if problem is not None else 200,
        values=values,
        problem=problem,
        keys=offered,
        more_keys=more_keys,
        names={key.id: key.name for key in keys},
        outcomes=OUTCOMES,
        totals=totals,
        models=models[:_MOST_MODELS],
        more_models=max(0, len(models) - _MOST_MODELS),
        slots=shown,
        spend=chart(shown, is_money=True, height=SPEND_HEIGHT),
        requests=chart(shown, is_money=False, height=REQUESTS_HEIGHT),
        rows=rows,
        bills={row.id: bill_of(row) for row in rows},
        file=f"/usage.csv?{urlencode(told)}",
        first=f"/usage?{urlencode(told)}" if visit.query.get("before") else None,
        following=None if following is None else f"/usage?{urlencode(told | {'before': '{}-{}'.format(*following)})}",
    )


def show_request(visit: Visit) -> Response:
    found = find_arriving(visit.target, lambda: visit.own.request(visit.target))
    if found.usage is None:
        raise StoreError("There is no such request on record.", kind="not_found")
    names = {key.id: key.name for key in visit.own.list_keys(include_deleted=True)}
    return visit.page("request.html", row=found.usage, attempts=found.attempts, bill=bill_of(found.usage), names=names)


def export_usage(visit: Visit) -> Response:
    name, pieces = visit.own.export(_query(_values(visit)))
    disposition = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, headers=disposition, media_type="text/csv")


def _values(visit: Visit, *, is_blank: bool = False) -> dict[str, str]:
    """Of the filters. The last days, where nobody has said anything."""
    said = {name: "" if is_blank else visit.query.get(name, "").strip() for name in _FILTERS}
    if is_blank or not any(name in visit.query for name in _FILTERS):
        now = moment(visit.desk.now_ms())
        said |= {"since": day(now - timedelta(days=_DAYS - 1)), "until": day(now)}
    return said


def _query(values: Fields) -> UsageQuery:
    """Raises `RequestError`."""
    named: dict[str, Any] = {
        "since": day_begins(values["since"], "since"),
        "until": day_ends(values["until"], "until"),
        "model": values["model"],
        "outcome": values["outcome"],
        "status": values["status"],
    }
    if values["status"] and not values["status"].startswith(_FAILED):
        raise RequestError("status: expected 4xx, 5xx or one of them.", param="status")
    if values["key"]:
        if not values["key"].isdecimal():
            raise RequestError("key: expected a key's number.", param="key")
        named["key_id"] = int(values["key"])
    return filled(UsageQuery, {name: value for name, value in named.items() if value})


def _offered(keys: Sequence[KeyView], chosen: str) -> tuple[list[KeyView], int]:
    """What to choose from: keys in use before deleted ones, the newest first, and how many there are besides. Session
    keys are not offered, as there is a new one every hour; the one that is chosen stands there all the same."""
    own = [key for key in keys if not key.is_session]
    own.sort(key=lambda key: (key.deleted_at is not None, -key.id))
    offered = own[:_MOST_KEYS]
    named = [key for key in keys if str(key.id) == chosen and key not in offered]
    return named + offered, len(own) - len(offered)


def _slots(visit: Visit, query: UsageQuery) -> list[Slot]:
    """Of the range; where it has no ends, from the first request on and up to now. None where there is no request."""
    now = moment(visit.desk.now_ms())
    until = query.until if isinstance(query.until, datetime) else now.replace(hour=0, minute=0, second=0) + _DAY
    since = query.since if isinstance(query.since, datetime) else None
    step: Step = "hour" if since is not None and until - since <= _HOURLY else "day"
    points = visit.own.usage_over_time(query, step)
    if not points:
        return []
    begins = points[0].at if since is None else since
    return slots(points, begins, max(min(until, _end_of(now, step)), points[-1].at + timedelta(microseconds=1)), step)


def _end_of(now: datetime, step: Step) -> datetime:
    """Of the hour or day that runs: nothing is drawn of what is still to come."""
    if step == "hour":
        return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
