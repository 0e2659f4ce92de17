"""The laws of what is added up, whatever is written, moved and pruned, in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.servers.postgres import running_server
from tests.store.entries import AT_MS, entry, make_accounts_and_keys
from torouter.store import Entry, PlanWindow, Store, UsageFilter, UsageTotals
from torouter.store.spans import DAY_MS, HOUR_MS

_Step: TypeAlias = tuple[str, Any]

ACCOUNTS = 2
KEYS_EACH = 2
FIRST_DAY = AT_MS - AT_MS % DAY_MS

# About full hours, of which days and their ends are some.
times = st.builds(
    lambda hour, step_ms: FIRST_DAY + hour * HOUR_MS + step_ms,
    st.one_of(st.integers(0, 72), st.sampled_from([0, 24, 48, 72])),
    st.sampled_from([-1, 0, 1, 1_800_000]),
)
windows = st.builds(PlanWindow, st.integers(1, 2), st.sampled_from(["day", "week"]), st.sampled_from([0, DAY_MS]))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    account = draw(st.integers(1, ACCOUNTS))
    return entry(
        account_id=account,
        key_id=(account - 1) * KEYS_EACH + draw(st.integers(1, KEYS_EACH)),
        at_ms=draw(times),
        model=draw(st.sampled_from(["a", "b"])),
        cost_nusd=draw(st.integers(0, 2**40)),
        outcome=draw(st.sampled_from(["ok", "fault", "refused"])),
        input_tokens=draw(st.integers(0, 1000)),
        plan_windows=tuple(draw(st.sets(windows, max_size=2))),
        is_windowed=draw(st.booleans()),
        failed_attempts=draw(st.integers(0, 2)),
    )


steps: st.SearchStrategy[list[_Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.lists(entries(), min_size=1, max_size=6)),
        st.tuples(st.just("move"), st.tuples(st.integers(1, ACCOUNTS), st.integers(-(2**40), 2**40))),
        st.tuples(st.just("prune"), st.tuples(times, st.integers(1, 4))),
    ),
    max_size=8,
)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """One for all examples: each begins by emptying it, which costs less than a new one."""
    with TemporaryDirectory() as directory:
        if request.param == "sqlite":
            with Store.open(Path(directory)) as store:
                yield store
            return
        with running_server().database() as url, Store.open(Path(directory), url) as store:
            yield store


@given(taken=steps)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sums_are_kept(store: Store, taken: Sequence[_Step]) -> None:
    empty(store)
    written: list[Entry] = []
    for what, how in taken:
        if what == "write":
            written += how
            check_returned(store, store.write_entries(how), how)
        elif what == "move":
            store.move_money(how[0], "adjustment", how[1], "")
        else:
            prune(store, *how)
    check_ledger(store, written)
    check_plans_and_minutes(store, written)
    check_roll_ups(store, written)


@given(batch=st.lists(entries(), min_size=6, max_size=16), ends=st.lists(times, min_size=4, max_size=4, unique=True))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_time_is_summed_up_as_its_rows_are(store: Store, batch: Sequence[Entry], ends: Sequence[int]) -> None:
    empty(store)
    store.write_entries(batch)
    for from_ms, until_ms in combinations(sorted(ends), 2):
        rows = [each.usage for each in batch if from_ms <= each.usage.at_ms < until_ms]
        found = store.usage_totals(UsageFilter(from_ms=from_ms, until_ms=until_ms))
        assert (found.requests, found.cost_nusd) == (len(rows), sum(row.cost_nusd for row in rows))
        by_model = store.usage_by_model(UsageFilter(from_ms=from_ms, until_ms=until_ms, account_id=1))
        counted = Counter(row.model for row in rows if row.account_id == 1)
        assert {each.model: each.totals.requests for each in by_model} == counted


filters = st.fixed_dictionaries(
    {},
    optional={
        "account_id": st.integers(1, ACCOUNTS),
        "key_id": st.integers(1, ACCOUNTS * KEYS_EACH),
        "model": st.sampled_from(["a", "b", "c"]),
        "outcome": st.sampled_from(["ok", "fault", "refused", "timeout"]),
    },
)


@given(
    batch=st.lists(entries(), min_size=6, max_size=24),
    ends=st.lists(times, min_size=2, max_size=2, unique=True),
    told=filters,
    pruned=st.tuples(times, st.integers(0, 6)),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_filter_finds_and_sums_up_what_the_rows_say(
    store: Store, batch: Sequence[Entry], ends: Sequence[int], told: dict[str, Any], pruned: tuple[int, int]
) -> None:
    empty(store)
    store.write_entries(batch)
    from_ms, until_ms = sorted(ends)
    wanted = UsageFilter(from_ms=from_ms, until_ms=until_ms, **told)
    rows = [each.usage for each in batch if from_ms <= each.usage.at_ms < until_ms]
    rows = [row for row in rows if all(getattr(row, name) == value for name, value in told.items())]
    found = store.usage_totals(wanted)
    assert (found.requests, found.cost_nusd) == (len(rows), sum(row.cost_nusd for row in rows))
    assert found.failures == sum(row.outcome != "ok" for row in rows)
    by_model = store.usage_by_model(wanted)
    assert {each.model: each.totals.requests for each in by_model} == Counter(row.model for row in rows)
    assert pages(store, wanted) == sorted((row.at_ms, row.request_id) for row in rows)
    if pruned[1]:
        prune(store, *pruned)
    kept = {stored.row.request_id for stored in store.usage_page(UsageFilter(), limit=1000)}
    assert pages(store, wanted) == sorted((row.at_ms, row.request_id) for row in rows if row.request_id in kept)


def pages(store: Store, wanted: UsageFilter) -> list[tuple[int, str]]:
    """Of two rows each, which come the latest first and each once; sorted."""
    seen, before = [], None
    while page := store.usage_page(wanted, before, 2):
        seen += [(stored.row.at_ms, stored.id, stored.row.request_id) for stored in page]
        before = (page[-1].row.at_ms, page[-1].id)
    assert seen == sorted(seen, reverse=True)
    assert len({row_id for _, row_id, _ in seen}) == len(seen)
    return sorted((at_ms, request_id) for at_ms, _, request_id in seen)


def empty(store: Store) -> None:
    tables = ("ledger", "usage", "usage_hours", "usage_days", "plan_spend", "key_minutes")
    with store._in.writing() as connection:
        for table in tables:
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text("UPDATE accounts SET credited_nusd = 0, charged_nusd = 0"))
        connection.execute(text("UPDATE keys SET spent_nusd = 0, last_used_ms = NULL"))
    if not store.list_accounts():
        make_accounts_and_keys(store, ACCOUNTS, KEYS_EACH)


def prune(store: Store, before_ms: int, limit_rows: int) -> None:
    older = len(store.usage_page(UsageFilter(until_ms=before_ms), limit=1000))
    assert store.prune_usage(before_ms, limit_rows) == min(older, limit_rows)


def check_returned(store: Store, totals: dict[str, int], batch: Sequence[Entry]) -> None:
    assert totals == store.read_spent(list(totals))
    assert {f"k:{each.usage.key_id}" for each in batch} <= totals.keys()


def check_ledger(store: Store, written: Sequence[Entry]) -> None:
    charged = Counter[int]()
    by_key = Counter[int]()
    for each in written:
        charged[each.usage.account_id] += each.usage.cost_nusd
        by_key[each.usage.key_id] += each.usage.cost_nusd
    for account in store.list_accounts():
        rows = [stored.row for stored in store.ledger_page(account.id, limit=1000)]
        assert account.balance_nusd == sum(row.amount_nusd for row in rows)
        assert account.charged_nusd == charged[account.id]
        pruned = [row.key_id for row in rows if row.kind == "attempt" and row.attempt == 0]
        assert len(pruned) == len(set(pruned)), "one sum for each key"
        for key in store.list_keys(account_id=account.id):
            assert key.spent_nusd == by_key[key.id] == -sum(row.amount_nusd for row in rows if row.key_id == key.id)
    kept = {stored.row.request_id for stored in store.usage_page(UsageFilter(), limit=1000)}
    for each in written:
        found = store.attempts_of(each.usage.request_id)
        assert found == (list(each.attempts) if each.usage.request_id in kept else [])


def check_plans_and_minutes(store: Store, written: Sequence[Entry]) -> None:
    spent = Counter[str]()
    minutes = Counter[tuple[int, int]]()
    for each in written:
        for window in each.plan_windows:
            spent[f"p:{window.subscription_id}:{window.window}:{window.started_ms}"] += each.usage.cost_nusd
        if each.is_windowed:
            minutes[each.usage.key_id, each.usage.at_ms // 60_000] += 1
    assert store.read_spent(list(spent)) == spent
    for key_id in range(1, ACCOUNTS * KEYS_EACH + 1):
        assert store.read_minutes(key_id, 0) == {at: count for (key, at), count in minutes.items() if key == key_id}


def check_roll_ups(store: Store, written: Sequence[Entry]) -> None:
    rows = [each.usage for each in written]
    expected = UsageTotals(
        requests=len(rows),
        failures=sum(row.outcome != "ok" for row in rows),
        input_tokens=sum(row.input_tokens for row in rows),
        cache_read_tokens=sum(row.cache_read_tokens for row in rows),
        cache_write_tokens=sum(row.cache_write_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        cost_nusd=sum(row.cost_nusd for row in rows),
    )
    assert store.usage_totals(UsageFilter()) == expected
    for step, step_ms in (("hour", HOUR_MS), ("day", DAY_MS)):
        points = store.usage_series(UsageFilter(), step)  # type: ignore[arg-type]
        counted = Counter(row.at_ms - row.at_ms % step_ms for row in rows)
        assert {point.at_ms: point.totals.requests for point in points} == counted
    kept = store.usage_page(UsageFilter(), limit=1000)
    assert store.usage_totals(UsageFilter(channel="up-chat")).cost_nusd == sum(each.row.cost_nusd for each in kept)
