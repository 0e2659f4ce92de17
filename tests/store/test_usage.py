"""Usage: what is written is read, in pages and in sums, and writing is cheap."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.dialects import sqlite

from tests.store.entries import AT_MS, entry, make_accounts_and_keys, usage_row
from torouter.store import Entry, SeriesPoint, Store, StoredUsage, UsageFilter, UsageRow, UsageTotals
from torouter.store import usage as queries
from torouter.store.schema import usage
from torouter.store.spans import DAY_MS, HOUR_MS, Span, spans

HOUR = AT_MS - AT_MS % HOUR_MS
DAY = AT_MS - AT_MS % DAY_MS


def numbers(store: Store, wanted: UsageFilter, limit: int = 50) -> list[int]:
    """The costs of a page, as which the tests number their requests."""
    return [stored.row.cost_nusd for stored in store.usage_page(wanted, limit=limit)]


class TestRows:
    def test_a_row_comes_back_as_it_was(self, store: Store) -> None:
        first = usage_row()
        refused = usage_row(dialect_out="", channel="", is_stream=False, first_token_ms=None, losses=None)
        make_accounts_and_keys(store)
        store.write_entries([Entry(first, ()), Entry(refused, ())])
        found = [stored.row for stored in store.usage_page(UsageFilter())]
        assert found == [refused, first]
        assert found[0].is_stream is False
        assert [stored.row for stored in store.usage_page(UsageFilter(), limit=1)] == [refused]

    def test_no_rows_are_no_work(self, store: Store) -> None:
        assert store.write_entries([]) == {}
        assert store.usage_page(UsageFilter()) == []

    def test_the_row_has_the_columns_of_the_table_in_their_order(self) -> None:
        assert ("id", *UsageRow._fields) == tuple(usage.columns.keys())


class TestPages:
    def test_the_latest_first_and_each_once(self, store: Store) -> None:
        make_accounts_and_keys(store)
        at = [AT_MS + step for step in (5, 5, 3, 9, 5, 1, 3)]
        store.write_entries([entry(cost_nusd=number, at_ms=at_ms) for number, at_ms in enumerate(at)])
        seen, before = [], None
        while page := store.usage_page(UsageFilter(), before, 2):
            seen += [stored.row.cost_nusd for stored in page]
            before = (page[-1].row.at_ms, page[-1].id)
        assert seen == [3, 4, 1, 0, 6, 2, 5]

    def test_a_floor_is_where_so_many_end(self, store: Store) -> None:
        """By what has an index; the rest of the filter does not count."""
        make_accounts_and_keys(store)
        at = [AT_MS + step for step in (5, 5, 3, 9, 5, 1, 3)]
        store.write_entries([entry(cost_nusd=number, at_ms=at_ms) for number, at_ms in enumerate(at)])
        everything = store.usage_page(UsageFilter())
        places = [(stored.row.at_ms, stored.id) for stored in everything]
        for rows in range(1, 8):
            lowest = store.usage_floor(UsageFilter(model="other"), None, rows)
            assert lowest == places[rows - 1]
            assert store.usage_page(UsageFilter(), None, 50, lowest) == everything[:rows]
            following = store.usage_floor(UsageFilter(), lowest, 1)
            assert following == (places[rows] if rows < len(places) else None)
        assert store.usage_floor(UsageFilter(), None, 8) is None
        assert store.usage_floor(UsageFilter(account_id=2), None, 1) is None
        assert store.usage_floor(UsageFilter(until_ms=AT_MS + 3), None, 1) == places[-1]

    def test_a_pulse_counts_every_token_by_steps(self, store: Store) -> None:
        make_accounts_and_keys(store)
        even = AT_MS - AT_MS % 2000
        rows = [(even - 1, "ok"), (even, "ok"), (even + 1999, "fault"), (even + 2000, "ok")]
        store.write_entries([entry(at_ms=at_ms, outcome=outcome) for at_ms, outcome in rows])
        row = usage_row()
        tokens = sum(value for name, value in row._asdict().items() if name.endswith("_tokens"))
        found = sorted(store.usage_pulse(even, 2000))
        assert found == [(even, 2, 1, 2 * tokens), (even + 2000, 1, 0, tokens)]

    def test_an_export_is_all_pages(self, store: Store) -> None:
        make_accounts_and_keys(store)
        store.write_entries([entry(at_ms=AT_MS + number // 7, cost_nusd=number) for number in range(2_345)])
        pages = list(store.usage_export(UsageFilter(account_id=1)))
        assert [len(page) for page in pages] == [1_000, 1_000, 345]
        assert [stored.row.cost_nusd for page in pages for stored in page] == list(reversed(range(2_345)))
        assert list(store.usage_export(UsageFilter(account_id=2))) == []

    @pytest.mark.parametrize("more", [{}, {"key_id": 1}, {"model": "m1"}, {"channel": "c0"}, {"until_ms": AT_MS + 20}])
    @pytest.mark.parametrize("status", [{"status_class": 4}, {"status_class": 5}, {"status": 429}, {"status": 404}])
    def test_pages_of_failures_follow_each_other(
        self, store: Store, status: dict[str, int], more: dict[str, Any]
    ) -> None:
        make_accounts_and_keys(store, accounts=2, keys_each=2)
        store.write_entries(
            [
                entry(
                    at_ms=AT_MS + number // 3,
                    account_id=1 + (number % 9 == 0),
                    key_id=1 + number // 4 % 2 + 2 * (number % 9 == 0),
                    model=f"m{number % 3}",
                    channel=f"c{number // 8 % 2}",
                    status=(200, 429, 502, 400)[number % 4],
                    outcome=("ok", "refused", "upstream_error", "fault")[number % 4],
                )
                for number in range(120)
            ]
        )
        wanted = UsageFilter(account_id=1, **status, **more)

        def is_wanted(row: UsageRow) -> bool:
            is_of_status = row.status // 100 == status.get("status_class") or row.status == status.get("status")
            is_in_time = row.at_ms < more.get("until_ms", AT_MS + 1000)
            named = {name: value for name, value in more.items() if name != "until_ms"}
            said = all(getattr(row, name) == value for name, value in named.items())
            return row.account_id == 1 and is_of_status and is_in_time and said

        found: list[StoredUsage] = []
        while page := store.usage_page(wanted, (found[-1].row.at_ms, found[-1].id) if found else None, 4):
            found += page
        assert found == [stored for stored in store.usage_page(UsageFilter(), limit=200) if is_wanted(stored.row)]
        assert len(found) >= 4 or "status" in status

    def test_a_page_has_its_limit(self, store: Store) -> None:
        make_accounts_and_keys(store)
        store.write_entries([entry() for _ in range(1_001)])
        assert len(store.usage_page(UsageFilter(), limit=5_000)) == 1_000

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (UsageFilter(), [4, 3, 2, 1, 0]),
            (UsageFilter(from_ms=AT_MS + 1), [4, 3, 2, 1]),
            (UsageFilter(until_ms=AT_MS + 1), [0]),
            (UsageFilter(from_ms=AT_MS + 1, until_ms=AT_MS + 3), [2, 1]),
            (UsageFilter(account_id=2), [3, 2]),
            (UsageFilter(key_id=2), [1]),
            (UsageFilter(account_id=2, key_id=2), []),
            (UsageFilter(model="other"), [4, 0]),
            (UsageFilter(channel="b"), [1]),
            (UsageFilter(status=502), [3]),
            (UsageFilter(status=502, account_id=2), [3]),
            (UsageFilter(status=502, account_id=2, key_id=4), [3]),
            (UsageFilter(status=502, account_id=2, key_id=3), []),
            (UsageFilter(status=502, account_id=1), []),
            (UsageFilter(status=200, account_id=2), [2]),
            (UsageFilter(status_class=5), [3]),
            (UsageFilter(status_class=5, account_id=2), [3]),
            (UsageFilter(status_class=5, account_id=2, model="other"), []),
            (UsageFilter(status_class=5, account_id=2, outcome="fault"), [3]),
            (UsageFilter(status_class=5, account_id=2, outcome="refused"), []),
            (UsageFilter(status_class=5, account_id=2, channel="b"), []),
            (UsageFilter(status_class=5, account_id=2, until_ms=AT_MS + 3), []),
            (UsageFilter(status_class=4, account_id=2), []),
            (UsageFilter(outcome="fault"), [3]),
            (UsageFilter(request_id="req-4"), [4]),
            (UsageFilter(request_id="req-4", account_id=2), []),
        ],
    )
    def test_filters(self, store: Store, wanted: UsageFilter, found: list[int]) -> None:
        make_accounts_and_keys(store, accounts=2, keys_each=2)
        differences: list[dict[str, object]] = [
            {"model": "other"},
            {"key_id": 2, "channel": "b"},
            {"account_id": 2, "key_id": 3},
            {"account_id": 2, "key_id": 4, "status": 502, "outcome": "fault"},
            {"model": "other", "request_id": "req-4"},
        ]
        store.write_entries(
            [entry(at_ms=AT_MS + n, cost_nusd=n, **fields) for n, fields in enumerate(differences)]  # type: ignore[arg-type]
        )
        assert numbers(store, wanted) == found
        assert store.usage_totals(wanted).requests == len(found)
        assert sum(each.totals.cost_nusd for each in store.usage_by_model(wanted)) == sum(found)
        ever = msgspec.structs.replace(wanted, from_ms=None, until_ms=None)
        for step in ("hour", "day"):
            points = store.usage_series(ever, step)
            assert sum(point.totals.requests for point in points) == len(numbers(store, ever))


class TestSums:
    def test_by_model_the_most_expensive_first(self, store: Store) -> None:
        make_accounts_and_keys(store)
        spent = [("a", 1), ("b", 5), ("a", 2), ("c", 3), ("d", 3), ("e", 9), ("d", 0)]
        store.write_entries([entry(model=model, cost_nusd=nusd, at_ms=AT_MS + nusd) for model, nusd in spent])
        found = store.usage_by_model(UsageFilter(until_ms=AT_MS + 9))
        assert [(each.model, each.totals.cost_nusd, each.totals.requests) for each in found] == [
            ("b", 5, 1),
            ("a", 3, 2),
            ("d", 3, 2),
            ("c", 3, 1),
        ]

    def test_a_series_has_the_steps_with_requests(self, store: Store) -> None:
        make_accounts_and_keys(store)
        store.write_entries([entry(at_ms=HOUR), entry(at_ms=HOUR + HOUR_MS - 1), entry(at_ms=HOUR + 2 * HOUR_MS)])
        totals = UsageTotals(
            requests=1,
            input_tokens=10,
            cache_read_tokens=11,
            cache_write_tokens=12,
            output_tokens=16,
            cost_nusd=1_000,
        )
        points = store.usage_series(UsageFilter(account_id=1), "hour")
        assert [(point.at_ms, point.totals.requests) for point in points] == [(HOUR, 2), (HOUR + 2 * HOUR_MS, 1)]
        assert points[1] == SeriesPoint(at_ms=HOUR + 2 * HOUR_MS, totals=totals)
        assert [point.at_ms for point in store.usage_series(UsageFilter(), "day")] == [DAY]

    def test_a_series_counts_the_steps_of_its_ends_whole(self, store: Store) -> None:
        make_accounts_and_keys(store)
        store.write_entries([entry(at_ms=HOUR), entry(at_ms=HOUR + 5), entry(at_ms=HOUR + HOUR_MS)])
        for channel in (None, "up-chat"):
            wanted = UsageFilter(from_ms=HOUR + 3, until_ms=HOUR + HOUR_MS, channel=channel)
            assert [(point.at_ms, point.totals.requests) for point in store.usage_series(wanted, "hour")] == [(HOUR, 2)]

    def test_nothing_is_zero(self, store: Store) -> None:
        assert store.usage_totals(UsageFilter(from_ms=5, until_ms=DAY)) == UsageTotals()
        assert store.usage_totals(UsageFilter(channel="x")) == UsageTotals()
        assert store.usage_by_model(UsageFilter()) == []
        assert store.usage_series(UsageFilter(), "day") == []


class TestSpans:
    def test_whole_days_and_hours_come_from_roll_ups(self) -> None:
        assert spans(DAY - 5, DAY + DAY_MS + HOUR_MS + 7) == [
            Span("rows", DAY - 5, DAY),
            Span("days", DAY, DAY + DAY_MS),
            Span("hours", DAY + DAY_MS, DAY + DAY_MS + HOUR_MS),
            Span("rows", DAY + DAY_MS + HOUR_MS, DAY + DAY_MS + HOUR_MS + 7),
        ]
        assert spans(None, None) == [Span("days", None, None)]
        assert spans(HOUR, None) == [Span("hours", HOUR, DAY + DAY_MS), Span("days", DAY + DAY_MS, None)]
        assert spans(HOUR + 1, HOUR + 9) == [Span("rows", HOUR + 1, HOUR + 9)]
        assert spans(DAY, DAY + DAY_MS) == [Span("days", DAY, DAY + DAY_MS)]
        assert spans(9, 9) == spans(9, 3) == []


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("request_id = 'x'", "ix_usage_request_id"),
        ("account_id = 1 AND at_ms >= 5 ORDER BY at_ms DESC, id DESC", "ix_usage_account_id_at_ms_id_outcome"),
        (
            "key_id = 1 AND at_ms <= 5 AND (at_ms < 5 OR id < 3) ORDER BY at_ms DESC, id DESC",
            "ix_usage_key_id_at_ms_id_model_outcome",
        ),
        ("account_id = 1 AND model = 'x' ORDER BY at_ms DESC, id DESC", "ix_usage_account_id_model_at_ms_id_outcome"),
        (
            "outcome != 'ok' AND account_id = 1 AND key_id = 2 AND outcome = 'x' ORDER BY at_ms DESC, id DESC",
            "ix_usage_failures",
        ),
        ("at_ms <= 5 AND (at_ms < 5 OR id < 3) ORDER BY at_ms DESC, id DESC", "ix_usage_at_ms"),
    ],
)
def test_pages_are_read_along_an_index(sqlite_store: Store, query: str, index: str) -> None:
    with sqlite_store._in.reading() as connection:
        plan = [row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN SELECT * FROM usage WHERE {query}"))]
    assert len(plan) == 1, "nothing is sorted"
    assert index in plan[0]


@pytest.mark.parametrize("wanted", [UsageFilter(status=404), UsageFilter(status_class=5, key_id=2)])
def test_failures_are_summed_up_along_theirs(sqlite_store: Store, wanted: UsageFilter) -> None:
    asked = queries._of_span(Span("rows", 0, 10), msgspec.structs.replace(wanted, account_id=1))
    query = select(usage.c.model, func.count()).where(asked).group_by(usage.c.model)
    said = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with sqlite_store._in.reading() as connection:
        plan = [row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {said}"))]
    assert any("COVERING INDEX ix_usage_failures" in step for step in plan), plan
    assert any("usage USING INTEGER PRIMARY KEY" in step for step in plan), plan
