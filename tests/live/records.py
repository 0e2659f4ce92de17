"""What a gateway wrote down: the row of each request, and of each attempt that it took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.live.upstream import until
from torouter.store import LedgerRow, Store, UsageFilter, UsageRow

__all__ = ["Record", "by_model", "record_of", "records"]


@dataclass(frozen=True, slots=True)
class Record:
    """One request. `attempts` are in their order, the last one that which was delivered or told."""

    usage: UsageRow
    attempts: tuple[LedgerRow, ...]

    @property
    def channels(self) -> list[str]:
        return [attempt.channel for attempt in self.attempts]

    @property
    def left_for(self) -> list[str]:
        return [attempt.left_for for attempt in self.attempts]


def records(data: Path, least: int, *, wanted: UsageFilter | None = None, within_s: float = 10.0) -> list[Record]:
    """All that is on record, oldest first, once there are at least so many: rows are written a few times a second."""
    asked = wanted or UsageFilter()
    with Store.open(data) as store:
        assert until(lambda: store.usage_totals(asked).requests >= least, within_s), (
            f"{store.usage_totals(asked).requests} requests are on record, not {least}"
        )
        rows = sorted(_rows(store, asked), key=lambda row: row.at_ms)
        return [Record(row, tuple(store.attempts_of(row.request_id))) for row in rows]


def record_of(data: Path, model: str) -> Record:
    """Of the one request that asked for this model."""
    [record] = records(data, 1, wanted=UsageFilter(model=model))
    return record


def by_model(found: list[Record]) -> dict[str, list[Record]]:
    grouped: dict[str, list[Record]] = defaultdict(list)
    for record in found:
        grouped[record.usage.model].append(record)
    return grouped


def _rows(store: Store, wanted: UsageFilter) -> Iterator[UsageRow]:
    for page in store.usage_export(wanted):
        yield from (stored.row for stored in page)
