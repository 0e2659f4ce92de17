"""Queries of usage, within a transaction of `Store`'s: pages of requests, and sums over many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    FromClause,
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
from torouter.units import OUTCOMES

__all__ = ["MOST_MODELS", "PAGE_ROWS", "by_model", "floor", "page", "pulse", "series", "totals"]

_Rows: TypeAlias = Select[*tuple[Any, ...]]
_Sums: TypeAlias = list[int]
Place: TypeAlias = tuple[int, int]
"""`(at_ms, id)` of a request: by these they are in order."""

MOST_MODELS: Final = 1000
PAGE_ROWS: Final = 1000
"""At most so many in one page, so that no query holds the interpreter for long."""

_OF = usage.c
_SUMMED: Final = UsageTotals.__struct_fields__
_PAGE: _Rows = select(_OF.id, *(_OF[name] for name in UsageRow._fields)).order_by(_OF.at_ms.desc(), _OF.id.desc())
_FAILED: Final = usage.alias("failed")
_FAILURES: Final = tuple(outcome for outcome in OUTCOMES if outcome != "ok")
_RANGES: Final = frozenset({"from_ms", "until_ms", "status_class"})
_LEAST_FAILURE: Final = 400
_ROLLED_UP: Final = ("account_id", "key_id", "model", "outcome")
_IS_FAILURE: Final = _OF.outcome != literal_column("'ok'")
"""As the index of failures says it: that it may be used is seen from the text."""


def page(
    connection: Connection, wanted: UsageFilter, before: Place | None, limit: int, lowest: Place | None
) -> list[StoredUsage]:
    limit = min(limit, PAGE_ROWS)
    query = _PAGE.where(_is_wanted(usage, _without_account(connection, wanted)), *_is_before(before))
    if before is not None:
        end_ms = before[0] + 1 if wanted.until_ms is None else min(before[0] + 1, wanted.until_ms)
        wanted = msgspec.structs.replace(wanted, until_ms=end_ms)
    stretches: Iterable[tuple[int | None, int | None]] = [(wanted.from_ms, wanted.until_ms)]
    if lowest is None:
        stretches = _stretches(connection, wanted, limit)
    else:
        at_ms, row_id = lowest
        query = query.where(_OF.at_ms >= at_ms, or_(_OF.at_ms > at_ms, _OF.id >= row_id))
    found: list[StoredUsage] = []
    for from_ms, until_ms in stretches:
        if _has_own_index(wanted) and lowest is None:
            within = _newest_failures(Span("rows", from_ms, until_ms), wanted, before, limit - len(found))
        else:
            within = query.where(_is_within(_OF.at_ms, from_ms, until_ms)).limit(limit - len(found))
        found += [StoredUsage(row[0], UsageRow(*row[1:])) for row in connection.execute(within)]
        if len(found) == limit:
            break
    return found


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


def _is_before(place: Place | None, table: FromClause = usage) -> list[ColumnElement[bool]]:
    if place is None:
        return []
    (at_ms, row_id), of = place, table.c
    return [of.at_ms <= at_ms, or_(of.at_ms < at_ms, of.id < row_id)]


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
    return models[:MOST_MODELS]


def series(connection: Connection, wanted: UsageFilter, step: SeriesStep) -> list[SeriesPoint]:
    source: Source = "rows" if _needs_rows(wanted) else "hours" if step == "hour" else "days"
    step_ms = HOUR_MS if step == "hour" else DAY_MS
    since = _since(source)
    at_ms = since - since % literal_column(f"{step_ms:d}") if source == "rows" else since
    from_ms = None if wanted.from_ms is None else wanted.from_ms - wanted.from_ms % step_ms
    is_asked = _of_span(Span(source, from_ms, wanted.until_ms), wanted)
    rows = connection.execute(select(at_ms, *_sums_of(source)).where(is_asked).group_by(at_ms).order_by(at_ms))
    return [SeriesPoint(at_ms=row[0], totals=_added([row[1:]])) for row in rows]


def _stretches(connection: Connection, wanted: UsageFilter, limit: int) -> Iterator[tuple[int | None, int | None]]:
    """The times that have what is wanted, the latest first: days without any are passed over, however many requests of
    other sorts they had. Each has at least as many as the limit, or is followed by a gap."""
    if not _is_sparse(wanted):
        yield wanted.from_ms, wanted.until_ms
        return
    oldest_ms = _oldest_ms(connection, wanted)
    if oldest_ms is None:
        return
    first_ms = oldest_ms if wanted.from_ms is None else max(oldest_ms, wanted.from_ms)
    began_ms, ends_ms, requests = 0, 0, 0
    for day_ms, count in connection.execute(_days(wanted, first_ms - first_ms % DAY_MS)):
        if requests >= limit or (requests and day_ms + DAY_MS < began_ms):
            yield _clipped(began_ms, ends_ms, wanted)
            requests = 0
        if not requests:
            ends_ms = day_ms + DAY_MS
        began_ms, requests = day_ms, requests + count
    if requests:
        yield _clipped(began_ms, ends_ms, wanted)


def _is_sparse(wanted: UsageFilter) -> bool:
    """May there be few of them among many, and do the roll-ups tell on which days? An account's failures have an index,
    and so have its models."""
    if wanted.account_id is None or wanted.request_id is not None or _is_of_failures(wanted):
        return False
    return wanted.outcome is not None or (wanted.key_id is not None and wanted.model is not None)


def _oldest_ms(connection: Connection, wanted: UsageFilter) -> int | None:
    """Of the account's requests. Those before are pruned, and only the roll-ups know of them."""
    query = select(func.min(_OF.at_ms)).where(_OF.account_id == wanted.account_id)
    return connection.execute(query).scalar_one_or_none()


def _days(wanted: UsageFilter, from_ms: int) -> _Rows:
    day_ms, requests = usage_days.c.day_ms, func.sum(usage_days.c.requests)
    query = select(day_ms, cast(requests, BigInteger)).where(_is_wanted(usage_days, _of_roll_ups(wanted)))
    return query.where(_is_within(day_ms, from_ms, wanted.until_ms)).group_by(day_ms).order_by(day_ms.desc())


def _of_roll_ups(wanted: UsageFilter) -> UsageFilter:
    """Without what they do not tell apart."""
    parts = msgspec.structs.asdict(wanted)
    return UsageFilter(**{name: parts[name] for name in _ROLLED_UP})


def _clipped(from_ms: int, until_ms: int, wanted: UsageFilter) -> tuple[int, int]:
    return (
        from_ms if wanted.from_ms is None else max(from_ms, wanted.from_ms),
        until_ms if wanted.until_ms is None else min(until_ms, wanted.until_ms),
    )


def _without_account(connection: Connection, wanted: UsageFilter) -> UsageFilter:
    """A key belongs to one account for ever. Told both, PostgreSQL expects few rows and sorts all there are: 124 ms
    for a page of a key, of ten million requests. Failures are an account's in their index."""
    if wanted.account_id is None or wanted.key_id is None or _is_of_failures(wanted):
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
    if span.source == "rows" and _has_own_index(wanted):
        return and_(_is_wanted(usage, _beside_failures(wanted)), _OF.id.in_(_failures(span, wanted)))
    return and_(
        _is_within(_since(span.source), span.from_ms, span.until_ms), _is_wanted(_table_of(span.source), wanted)
    )


def _has_own_index(wanted: UsageFilter) -> bool:
    """Are an account's failures of whatever outcome asked for? Those of one outcome are found there without help."""
    return wanted.account_id is not None and wanted.outcome is None and _is_of_failures(wanted)


def _failures(span: Span, wanted: UsageFilter) -> _Rows:
    """Those that the account had, from their index alone. SQLite would rather look at all of the
    account's requests: 150 ms of a million, against 35 ms where 20,000 have failed."""
    of = _FAILED.c
    named = {
        of.key_id + literal_column("0"): wanted.key_id,  # not by the index of keys either
        of.model: wanted.model,
        of.status: wanted.status,
    }
    return select(of.id).where(
        of.account_id == wanted.account_id,
        of.outcome != literal_column("'ok'"),
        of.outcome.in_(_FAILURES),
        _is_within(of.at_ms, span.from_ms, span.until_ms),
        _is_of_class(of.status, wanted.status_class),
        *(column == value for column, value in named.items() if value is not None),
    )


def _is_within(at_ms: Column[Any], from_ms: int | None, until_ms: int | None) -> ColumnElement[bool]:
    bounds = [] if from_ms is None else [at_ms >= from_ms]
    return and_(True, *bounds, *([] if until_ms is None else [at_ms < until_ms]))


def _is_wanted(table: Table, wanted: UsageFilter) -> ColumnElement[bool]:
    parts = msgspec.structs.asdict(wanted)
    named = [name for name, value in parts.items() if value is not None and name not in _RANGES]
    said = [table.c[name] == parts[name] for name in named]
    if table is usage and _is_of_failures(wanted):
        said.append(_IS_FAILURE)
    if wanted.status_class is not None:
        said.append(_is_of_class(table.c.status, wanted.status_class))
    return and_(True, *said)


def _is_of_class(status: Column[Any], status_class: int | None) -> ColumnElement[bool]:
    return and_(True, *([] if status_class is None else [status.between(status_class * 100, status_class * 100 + 99)]))


def _is_of_failures(wanted: UsageFilter) -> bool:
    """Is nothing asked for but failures?"""
    is_status = wanted.status_class is not None or (wanted.status or 0) >= _LEAST_FAILURE
    return is_status or wanted.outcome not in {None, "ok"}


def _newest_failures(span: Span, wanted: UsageFilter, before: Place | None, limit: int) -> _Rows:
    """Their index is asked for the first ones, unless something is wanted that it does not know."""
    ids = _failures(span, wanted).where(*_is_before(before, _FAILED))
    rest = _beside_failures(wanted)
    if rest == UsageFilter():
        at_ms = _FAILED.c.at_ms + literal_column("0")  # sorted here: not read along an index of all requests
        ids = ids.order_by(at_ms.desc(), _FAILED.c.id.desc()).limit(limit)
    return _PAGE.where(_is_wanted(usage, rest), _OF.id.in_(ids)).limit(limit)


def _beside_failures(wanted: UsageFilter) -> UsageFilter:
    """What the index of failures does not know."""
    return UsageFilter(channel=wanted.channel, request_id=wanted.request_id)


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
