"""What was used: request by request, in sums, over time, and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET

from torouter.accounts.dollars import dollars
from torouter.accounts.office import fields
from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import UsageQuery
from torouter.accounts.office.views import AttemptView, View, attempt_view
from torouter.errors import StoreError
from torouter.store import MOST_MODELS, StoredUsage, UsageFilter, UsageTotals
from torouter.units import moment

__all__ = [
    "ModelView",
    "NamesView",
    "PointView",
    "RequestView",
    "TotalsView",
    "UsageView",
    "export_lines",
    "export_name",
    "find_request",
    "list_usage",
    "names_in",
    "search_requests",
    "usage_by_model",
    "usage_over_time",
    "usage_summary",
    "usage_totals",
]

_CODE_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so for a formula, and clients choose what their models are called."""


class UsageView(View, frozen=True, kw_only=True):
    """One request. The counters of tokens are disjoint: `input_tokens` are those that no cache had."""

    id: int
    request_id: str
    at: datetime
    account_id: int
    key_id: int
    group_id: int
    model: str
    upstream_model: str
    channel: str
    surface: str
    operation: str
    status: int
    outcome: str
    is_stream: bool
    retries: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    tool_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    quality: str
    cost_usd: str
    price_version: str
    cost_parts: str | None
    latency_ms: int
    first_token_ms: int | None
    losses: str | None


class TotalsView(View, frozen=True, kw_only=True):
    requests: int
    failures: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    cost_usd: str


class ModelView(View, frozen=True, kw_only=True):
    model: str
    totals: TotalsView


class PointView(View, frozen=True, kw_only=True):
    """The hour or day, UTC, that begins at `at`."""

    at: datetime
    totals: TotalsView


class NamesView(View, frozen=True, kw_only=True):
    """Of accounts their addresses, of keys their names, by id."""

    accounts: dict[int, str]
    keys: dict[int, str]


class RequestView(View, frozen=True, kw_only=True):
    """`usage` is `null` where only its attempts are still on record."""

    usage: UsageView | None
    attempts: list[AttemptView]


def list_usage(
    desk: Desk, query: UsageQuery, *, before: tuple[int, int] | None, limit: int
) -> tuple[list[UsageView], tuple[int, int] | None]:
    """The latest first, and where the next page begins."""
    rows = desk.store.usage_page(_filter(query), before, limit)
    following = (rows[-1].row.at_ms, rows[-1].id) if len(rows) == limit else None
    return [_usage_view(row) for row in rows], following


def search_requests(
    desk: Desk, query: UsageQuery, *, before: tuple[int, int] | None, limit: int, look_rows: int
) -> tuple[list[UsageView], tuple[int, int] | None]:
    """As `list_usage`, of at most so many requests, so that it is quick whatever is asked; and where to look on."""
    wanted = _filter(query)
    is_indexed = all(getattr(query, name) is UNSET for name in ("model", "channel", "status", "outcome"))
    lowest = None if is_indexed else desk.store.usage_floor(wanted, before, look_rows)
    rows = desk.store.usage_page(wanted, before, limit, lowest)
    following = (rows[-1].row.at_ms, rows[-1].id) if len(rows) == limit else lowest
    return [_usage_view(row) for row in rows], following


def names_in(desk: Desk, rows: Sequence[UsageView]) -> NamesView:
    return NamesView(
        accounts=desk.store.account_emails({row.account_id for row in rows}),
        keys=desk.store.key_names({row.key_id for row in rows}),
    )


def usage_totals(desk: Desk, query: UsageQuery) -> TotalsView:
    return _totals_view(desk.store.usage_totals(_filter(query)))


def usage_by_model(desk: Desk, query: UsageQuery) -> list[ModelView]:
    """The dearest first."""
    found = desk.store.usage_by_model(_filter(query))
    found = sorted(found, key=lambda one: (-one.totals.cost_nusd, -one.totals.requests, one.model))
    return [ModelView(model=one.model, totals=_totals_view(one.totals)) for one in found]


def usage_summary(desk: Desk, query: UsageQuery) -> tuple[TotalsView, list[ModelView]]:
    """The totals, and `usage_by_model`: one look for both, where the models are all of them."""
    found = desk.store.usage_by_model(_filter(query))
    models = [ModelView(model=one.model, totals=_totals_view(one.totals)) for one in found]
    if len(found) >= MOST_MODELS:
        return usage_totals(desk, query), models
    sums = {name: sum(getattr(one.totals, name) for one in found) for name in UsageTotals.__struct_fields__}
    return _totals_view(UsageTotals(**sums)), models


def usage_over_time(desk: Desk, query: UsageQuery, step: Literal["hour", "day"]) -> list[PointView]:
    points = desk.store.usage_series(_filter(query), step)
    return [PointView(at=moment(point.at_ms), totals=_totals_view(point.totals)) for point in points]


def find_request(desk: Desk, request_id: str) -> RequestView:
    """Raises `StoreError` (`not_found`)."""
    rows = desk.store.usage_page(UsageFilter(request_id=request_id), None, 1)
    attempts = [attempt_view(row) for row in desk.store.attempts_of(request_id)]
    if not rows and not attempts:
        raise StoreError(f"There is no request {request_id} on record.", kind="not_found")
    return RequestView(usage=_usage_view(rows[0]) if rows else None, attempts=attempts)


def export_name(query: UsageQuery) -> str:
    """`usage-<start>_<end>.csv`, by day."""
    start = "all" if query.since is UNSET else moment(fields.stored_ms(query.since)).strftime("%Y-%m-%d")
    end = "now" if query.until is UNSET else moment(fields.stored_ms(query.until)).strftime("%Y-%m-%d")
    return f"usage-{start}_{end}.csv"


def export_lines(desk: Desk, query: UsageQuery) -> Iterator[str]:
    """A piece of the file for each page of the store: the heads with the first one."""
    yield _csv([UsageView.__struct_fields__])
    for rows in desk.store.usage_export(_filter(query)):
        yield _csv([_cells(row) for row in rows])


def _filter(query: UsageQuery) -> UsageFilter:
    said: dict[str, Any] = {name: value for name, value in msgspec.structs.asdict(query).items() if value is not UNSET}
    kept = {name: value for name, value in said.items() if name in UsageFilter.__struct_fields__}
    if "status" in said:
        kept |= _statuses(said["status"])
    for name, column in (("since", "from_ms"), ("until", "until_ms")):
        if name in said:
            kept[column] = fields.stored_ms(said[name])
    return UsageFilter(**kept)


def _statuses(said: str) -> dict[str, int | None]:
    if said.endswith("xx"):
        return {"status": None, "status_class": int(said[0])}
    return {"status": int(said)}


def _usage_view(stored: StoredUsage) -> UsageView:
    row = stored.row._asdict()
    return UsageView(
        id=stored.id,
        at=moment(row["at_ms"]),
        cost_usd=dollars(row["cost_nusd"]),
        **{name: row[name] for name in UsageView.__struct_fields__ if name not in ("id", "at", "cost_usd")},
    )


def _totals_view(totals: UsageTotals) -> TotalsView:
    counters = {name: getattr(totals, name) for name in TotalsView.__struct_fields__ if name != "cost_usd"}
    return TotalsView(cost_usd=dollars(totals.cost_nusd), **counters)


def _cells(stored: StoredUsage) -> list[object]:
    view: dict[str, object] = msgspec.to_builtins(_usage_view(stored))
    return [_cell(value) for value in view.values()]


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_CODE_SIGNS) else value


def _csv(rows: list[Any]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()
