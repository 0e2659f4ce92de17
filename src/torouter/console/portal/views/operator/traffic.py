"""What goes through now: figures of the last two minutes, and the latest requests as they end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from torouter.accounts.office import records, traffic, usage
from torouter.accounts.office.forms import UsageQuery
from torouter.console.portal.spark import Spark, spark
from torouter.console.portal.views.operator.filters import channel_names, request_query, said_in
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError
from torouter.units import OUTCOMES

__all__ = ["operators_home", "poll_traffic", "show_traffic"]

_FILTERS: Final = ("account", "key", "model", "channel", "outcome", "status")
_ROWS: Final = 50
_RECENT_MS: Final = 24 * 3600 * 1000
_NOW_STEPS: Final = 5
"""What is told as the rate of now is that of so many steps."""


@dataclass(frozen=True, slots=True)
class _Figures:
    """Rates are by second, `failed` is in per cent; `in_flight` is of the process that answers, `place`."""

    requests: Spark
    failed: Spark
    tokens: Spark
    in_flight: int
    place: str
    processes: int


def operators_home(visit: Visit) -> Response:
    return visit.go("/admin/traffic")


def show_traffic(visit: Visit) -> Response:
    values = said_in(visit, _FILTERS)
    problem: str | None = None
    try:
        query = request_query(visit, values)
    except RequestError as error:
        problem, query = error.param or "", UsageQuery()
    after_ms = visit.desk.now_ms() - _RECENT_MS
    latest = traffic.latest_requests(visit.desk, query, after_ms=after_ms, limit=_ROWS)
    told = {name: value for name, value in values.items() if value}
    return visit.page(
        "operator/traffic.html",
        400 if problem is not None else 200,
        values=values,
        problem=problem,
        outcomes=OUTCOMES,
        channels=channel_names(visit),
        poll=f"/admin/traffic.json?{urlencode(told)}" if problem is None else None,
        reload=f"/admin/traffic?{urlencode(told)}" if told else "/admin/traffic",
        after_ms=latest.after_ms,
        most_rows=_ROWS,
        rows=latest.requests,
        names=usage.names_in(visit.desk, latest.requests),
        figures=_figures(visit),
    )


def poll_traffic(visit: Visit) -> Response:
    """What the page's script puts in: the figures anew, and rows that ended since `after`; without it, the latest."""
    query = request_query(visit, said_in(visit, _FILTERS))
    after = visit.query.get("after", str(visit.desk.now_ms() - _RECENT_MS))
    if not after.isdecimal() or len(after) > 15:
        raise RequestError("after: expected a number.", param="after")
    latest = traffic.latest_requests(visit.desk, query, after_ms=int(after), limit=_ROWS)
    rows: dict[str, Any] = {"rows": latest.requests, "names": usage.names_in(visit.desk, latest.requests)}
    return visit.data(
        {
            "after": latest.after_ms,
            "figures": visit.fragment("operator/traffic_figures.html", figures=_figures(visit)),
            "rows": visit.fragment("operator/traffic_rows.html", **rows),
        }
    )


def _figures(visit: Visit) -> _Figures:
    beats = traffic.pulse(visit.desk)
    routing = visit.sources.routing
    requests = [beat.requests for beat in beats]
    failures = [beat.failures for beat in beats]
    return _Figures(
        requests=_rates(requests),
        failed=spark(
            [_share(*of_step) for of_step in zip(failures, requests, strict=True)], _share(sum(failures), sum(requests))
        ),
        tokens=_rates([beat.tokens for beat in beats]),
        in_flight=visit.sources.in_flight(),
        place=routing.place,
        processes=len(records.list_processes(visit.desk)),
    )


def _rates(counts: list[int]) -> Spark:
    """By second; now: over the last steps."""
    return spark(
        [count / traffic.STEP_S for count in counts], sum(counts[-_NOW_STEPS:]) / (_NOW_STEPS * traffic.STEP_S)
    )


def _share(part: int, whole: int) -> float:
    """In per cent."""
    return 100 * part / whole if whole else 0.0
