"""Endpoints of what is only read: usage, single requests, the audit trail, the processes."""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET

from torouter.accounts.office import records, usage, views
from torouter.accounts.office.forms import UsageQuery
from torouter.console.admin.call import Call, Endpoint
from torouter.console.admin.queries import AuditPage, SeriesQuery, UsagePage, usage_cursor

__all__ = ["REPORTS"]


def _list_usage(call: Call) -> Any:
    query: UsagePage = call.query
    rows, following = usage.list_usage(call.desk, query, before=usage_cursor(query.before), limit=query.limit)
    return rows, None if following is None else "{}-{}".format(*following)


def _list_audit(call: Call) -> Any:
    query: AuditPage = call.query
    before_id = None if query.before is UNSET else query.before
    rows = records.list_audit(call.desk, query, before_id=before_id, limit=query.limit)
    return rows, str(rows[-1].id) if len(rows) == query.limit else None


REPORTS: Final = (
    Endpoint(
        method="GET", path="/usage", name="list_usage", summary="Requests, the latest first.", shape="page",
        data=usage.UsageView, query=UsagePage, handle=_list_usage,
    ),
    Endpoint(
        method="GET", path="/usage/totals", name="usage_totals", summary="Sums of requests, tokens and cost.",
        shape="one", data=usage.TotalsView, query=UsageQuery,
        handle=lambda call: usage.usage_totals(call.desk, call.query),
    ),
    Endpoint(
        method="GET", path="/usage/models", name="usage_by_model", summary="Sums by model, the dearest first.",
        shape="page", data=usage.ModelView, query=UsageQuery,
        handle=lambda call: (usage.usage_by_model(call.desk, call.query), None),
    ),
    Endpoint(
        method="GET", path="/usage/series", name="usage_series", summary="Sums by hour or day, UTC.",
        shape="page", data=usage.PointView, query=SeriesQuery,
        handle=lambda call: (usage.usage_over_time(call.desk, call.query, call.query.step), None),
    ),
    Endpoint(
        method="GET", path="/usage/export.csv", name="export_usage", summary="Every request as a row of a CSV file.",
        shape="csv", data=str, query=UsageQuery,
        handle=lambda call: (usage.export_name(call.query), usage.export_lines(call.desk, call.query)),
    ),
    Endpoint(
        method="GET", path="/requests/{request_id}", name="get_request",
        summary="One request by the x-request-id of its answer, with every attempt.", shape="one",
        data=usage.RequestView, handle=lambda call: usage.find_request(call.desk, call.target),
    ),
    Endpoint(
        method="GET", path="/audit", name="list_audit", summary="Who changed what, the latest first.", shape="page",
        data=views.AuditView, query=AuditPage, handle=_list_audit,
    ),
    Endpoint(
        method="GET", path="/processes", name="list_processes", summary="The processes that serve.", shape="page",
        data=views.ProcessView, handle=lambda call: (records.list_processes(call.desk), None),
    ),
)  # fmt: skip
