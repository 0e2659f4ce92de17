"""Queries of usage, within a transaction of `Store`'s: pages of requests, and sums over many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
)

from torouter.store.rows import (
    Beat,
    ModelTotals,
    SeriesPoint,
    SeriesStep,
    StoredUsage,
    UsageFilter,
    UsageRow,
    UsageTotals,
)
from torouter.store.schema import keys, usage, usage_days, usage_hours
from torouter.store.spans import DAY_MS, HOUR_MS, Source, Span, spans

__all__ = ["PAGE_ROWS", "by_model", "floor", "page", "pulse", "series", "totals"]

_Rows: TypeAlias = Select[*tuple[Any, ...]]
_Sums: TypeAlias = list[int]
Place: TypeAlias = tuple[int, int]
"""`(at_ms, id)` of a request: by these they are in order."""

PAGE_ROWS: Final = 1000
"""At most so many in one page, so that no query holds the interpreter for long."""

_OF = usage.c
_SUMMED: Final = UsageTotals.__struct_fields__
_MOST_MODELS: Final = 1000
_PAGE: _Rows = select(_OF.id, *(_OF[name] for name in UsageRow._fields)).order_by(_OF.at_ms.desc(), _OF.id.desc())
_ROLLED_UP: Final = ("account_id", "key_id", "model")


def page(
    connection: Connection, wanted: UsageFilter, before: Place | None, limit: int, lowest: Place | None
) -> list[StoredUsage]:
    told = _without_account(connection, wanted)
    query = _PAGE.where(_is_within(_OF.at_ms, wanted.from_ms, wanted.until_ms), _is_wanted(usage, told))
    query = query.where(*_is_before(before))
    if lowest is not None:
        at_ms, row_id = lowest
        query = query.where(_OF.at_ms >= at_ms, or_(_OF.at_ms > at_ms, _OF.id >= row_id))
    rows = connection.execute(query.limit(min(limit, PAGE_ROWS)))
    return [StoredUsage(row[0], UsageRow(*row[1:])) for row in rows]


def floor(connection: Connection, wanted: UsageFilter, before: Place | None, rows: int) -> Place | None:
    """Looks at indexes alone."""
    told = _without_account(connection, wanted)
    indexed = UsageFilter(account_id=told.account_id, key_id=told.key_id)
    query = select(_OF.at_ms, _OF.id).order_by(_OF.at_ms.desc(), _OF.id.desc()).offset(rows - 1).limit(1)
    query = query.where(_is_within(_OF.at_ms, wanted.from_ms, wanted.until_ms), _is_wanted(usage, indexed))
    found = connection.execute(query.where(*_is_before(before))).one_or_none()
    return None if found is None else (found.at_ms, found.id)


def pulse(connection: Connection, from_ms: int, step_ms: int) -> list[Beat]:
    at_ms = _OF.at_ms - _OF.at_ms % literal_column(f"{step_ms:d}")
    failures = _sum(case((_OF.outcome != "ok", 1), else_=0))
    query = select(at_ms, func.count(), failures, _sum(_all_tokens())).where(_OF.at_ms >= from_ms).group_by(at_ms)
    return [Beat(*row) for row in connection.execute(query)]


def _all_tokens() -> ColumnElement[Any]:
    tokens, *others = (_OF[name] for name in UsageRow._fields if name.endswith("_tokens"))
    added: ColumnElement[Any] = tokens
    for other in others:
        added = added + other
    return added


def _is_before(place: Place | None) -> list[ColumnElement[bool]]:
    if place is None:
        return []
    at_ms, row_id = place
    return [_OF.at_ms <= at_ms, or_(_OF.at_ms < at_ms, _OF.id < row_id)]


def totals(connection: Connection, wanted: UsageFilter) -> UsageTotals:
    rows = (connection.execute(select(*_sums_of(span.source)).where(_of_span(span, wanted))) for span in _spans(wanted))
    return _added(row for found in rows for row in found)


def by_model(connection: Connection, wanted: UsageFilter) -> list[ModelTotals]:
    found: dict[str, list[Any]] = defaultdict(list)
    for span in _spans(wanted):
        model = _table_of(span.source).c.model
        query = select(model, *_sums_of(span.source)).where(_of_span(span, wanted)).group_by(model)
        for name, *sums in connection.execute(query):
            found[name].append(sums)
    models = [ModelTotals(model=name, totals=_added(rows)) for name, rows in found.items()]
    models.sort(key=lambda each: (-each.totals.cost_nusd, -each.totals.requests, each.model))
    return models[:_MOST_MODELS]


def series(connection: Connection, wanted: UsageFilter, step: SeriesStep) -> list[SeriesPoint]:
    source: Source = "rows" if _needs_rows(wanted) else "hours" if step == "hour" else "days"
    step_ms = HOUR_MS if step == "hour" else DAY_MS
    since = _since(source)
    at_ms = since - since % literal_column(f"{step_ms:d}") if source == "rows" else since
    from_ms = None if wanted.from_ms is None else wanted.from_ms - wanted.from_ms % step_ms
    is_asked = _of_span(Span(source, from_ms, wanted.until_ms), wanted)
    rows = connection.execute(select(at_ms, *_sums_of(source)).where(is_asked).group_by(at_ms).order_by(at_ms))
    return [SeriesPoint(at_ms=row[0], totals=_added([row[1:]])) for row in rows]


def _without_account(connection: Connection, wanted: UsageFilter) -> UsageFilter:
    """A key belongs to one account for ever. Told both, PostgreSQL expects few rows and sorts all there are: 124 ms
    for a page of a key, of ten million requests."""
    if wanted.account_id is None or wanted.key_id is None:
        return wanted
    owner = connection.execute(select(keys.c.account_id).where(keys.c.id == wanted.key_id)).scalar_one_or_none()
    return msgspec.structs.replace(wanted, account_id=None) if owner == wanted.account_id else wanted


def _spans(wanted: UsageFilter) -> list[Span]:
    if _needs_rows(wanted):
        return [Span("rows", wanted.from_ms, wanted.until_ms)]
    return spans(wanted.from_ms, wanted.until_ms)


def _needs_rows(wanted: UsageFilter) -> bool:
    """Does it ask for what roll-ups do not tell apart?"""
    parts = msgspec.structs.asdict(wanted)
    return any(parts[name] is not None for name in parts if name not in {"from_ms", "until_ms", *_ROLLED_UP})


def _table_of(source: Source) -> Table:
    return {"rows": usage, "hours": usage_hours, "days": usage_days}[source]


def _since(source: Source) -> Column[Any]:
    return {"rows": _OF.at_ms, "hours": usage_hours.c.hour_ms, "days": usage_days.c.day_ms}[source]


def _of_span(span: Span, wanted: UsageFilter) -> ColumnElement[bool]:
    return and_(
        _is_within(_since(span.source), span.from_ms, span.until_ms), _is_wanted(_table_of(span.source), wanted)
    )


def _is_within(at_ms: Column[Any], from_ms: int | None, until_ms: int | None) -> ColumnElement[bool]:
    bounds = [] if from_ms is None else [at_ms >= from_ms]
    return and_(True, *bounds, *([] if until_ms is None else [at_ms < until_ms]))


def _is_wanted(table: Table, wanted: UsageFilter) -> ColumnElement[bool]:
    parts = msgspec.structs.asdict(wanted)
    named = [name for name, value in parts.items() if value is not None and name not in {"from_ms", "until_ms"}]
    return and_(True, *(table.c[name] == parts[name] for name in named))


def _sums_of(source: Source) -> list[ColumnElement[int]]:
    """In the order of `UsageTotals`. Cast, because sums are numeric on PostgreSQL."""
    if source != "rows":
        return [_sum(_table_of(source).c[name]) for name in _SUMMED]
    counted = {"requests": func.count(), "failures": _sum(case((_OF.outcome != "ok", 1), else_=0))}
    return [counted[name] if name in counted else _sum(_OF[name]) for name in _SUMMED]


def _sum(column: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


def _added(rows: Iterable[Any]) -> UsageTotals:
    sums: _Sums = [0] * len(_SUMMED)
    for row in rows:
        sums = [one + other for one, other in zip(sums, row, strict=True)]
    return UsageTotals(**dict(zip(_SUMMED, sums, strict=True)))
