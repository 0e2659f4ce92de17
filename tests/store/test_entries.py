"""What requests used and cost: one transaction for rows, totals and roll-ups, whoever else writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.store.entries import AT_MS, entry, make_accounts_and_keys
from torouter.errors import StoreError
from torouter.store import Entry, PlanWindow, Store, UsageFilter, UsageTotals
from torouter.store.engine import open_home
from torouter.units import Secret

DAY = PlanWindow(1, "day", 0)


class TestOneBatch:
    def test_everything_is_written_down(self, store: Store) -> None:
        make_accounts_and_keys(store, accounts=2, keys_each=2)
        first = entry(plan_windows=(DAY,), is_windowed=True, failed_attempts=2)
        second = entry(key_id=2, cost_nusd=500, at_ms=AT_MS + 3_600_000, outcome="refused", status=429)
        third = entry(account_id=2, key_id=3, cost_nusd=0, plan_windows=(DAY,), is_windowed=True)
        totals = store.write_entries([first, second, third])
        assert totals == {"a:1": 1_500, "a:2": 0, "k:1": 1_000, "k:2": 500, "k:3": 0, "p:1:day:0": 1_000}
        assert {stored.row for stored in store.usage_page(UsageFilter())} == {
            first.usage,
            second.usage,
            third.usage,
        }
        assert store.attempts_of(first.usage.request_id) == list(first.attempts)
        assert store.get_account(1).charged_nusd == 1_500
        assert store.get_account(1).balance_nusd == -1_500
        key = store.get_key(1)
        assert (key.spent_nusd, key.last_used_ms, key.last_used_address) == (1_000, AT_MS, "192.0.2.7")
        assert store.read_minutes(1, 0) == {AT_MS // 60_000: 1}
        assert store.read_minutes(2, 0) == {}
        (failed,) = store.usage_series(UsageFilter(key_id=2), "hour")
        assert failed.at_ms == 1_795_424_400_000
        assert failed.totals == UsageTotals(
            requests=1,
            failures=1,
            input_tokens=10,
            cache_read_tokens=11,
            cache_write_tokens=12,
            output_tokens=16,
            cost_nusd=500,
        )

    def test_totals_go_on_from_what_was_there(self, store: Store) -> None:
        make_accounts_and_keys(store)
        store.write_entries([entry(plan_windows=(DAY,), is_windowed=True)])
        totals = store.write_entries([entry(plan_windows=(DAY,), is_windowed=True, cost_nusd=5)] * 2)
        assert totals == {"a:1": 1_010, "k:1": 1_010, "p:1:day:0": 1_010}
        assert store.read_minutes(1, AT_MS // 60_000) == {AT_MS // 60_000: 3}
        assert store.read_minutes(1, AT_MS // 60_000 + 1) == {}
        assert store.usage_totals(UsageFilter()).requests == 3

    def test_no_revision_is_raised(self, store: Store) -> None:
        make_accounts_and_keys(store)
        before = store.revision()
        store.write_entries([entry()])
        assert store.revision() == before

    def test_the_last_use_moves_forward_only(self, store: Store) -> None:
        make_accounts_and_keys(store)
        store.write_entries([entry(at_ms=AT_MS + 5, address="2001:db8::1"), entry(at_ms=AT_MS)])
        store.write_entries([entry(at_ms=AT_MS + 4)])
        store.write_entries([entry(at_ms=AT_MS + 9, address="")])
        key = store.get_key(1)
        assert (key.last_used_ms, key.last_used_address) == (AT_MS + 9, "2001:db8::1")

    def test_what_belongs_to_nobody_is_written_all_the_same(self, store: Store) -> None:
        assert store.write_entries([entry(account_id=7, key_id=8)]) == {}
        assert store.usage_totals(UsageFilter(account_id=7)).requests == 1

    def test_nothing_is_no_work(self, store: Store) -> None:
        assert store.write_entries([]) == {}

    @pytest.mark.parametrize("size", [1, 2, 3, 63, 64, 65, 300])
    def test_of_any_size(self, store: Store, size: int) -> None:
        make_accounts_and_keys(store, accounts=3)
        batch = [entry(account_id=1 + number % 3, key_id=1 + number % 3, cost_nusd=number) for number in range(size)]
        totals = store.write_entries(batch)
        assert sum(nusd for name, nusd in totals.items() if name.startswith("a:")) == sum(range(size))
        assert len(store.usage_page(UsageFilter(), limit=1000)) == size

    def test_text_of_any_kind_comes_back(self, store: Store) -> None:
        odd = 'größe/模型 "quoted" \\ back %s :name \u2028 🙂'
        written = entry(model=odd, losses=odd, cost_parts=None, first_token_ms=None, is_stream=False)
        store.write_entries([written])
        (stored,) = store.usage_page(UsageFilter(model=odd))
        assert stored.row == written.usage
        assert stored.row.is_stream is False

    def test_a_nul_costs_nobody_the_batch(self, store: Store) -> None:
        store.write_entries([entry(model="a\0b", upstream_model="\\u0000"), entry(model="c")])
        models = {stored.row.model for stored in store.usage_page(UsageFilter())}
        assert models in ({"a\0b", "c"}, {"a\N{REPLACEMENT CHARACTER}b", "c"})
        assert {stored.row.upstream_model for stored in store.usage_page(UsageFilter())} == {"\\u0000", "up-n100"}


class TestSegments:
    def test_a_segment_counts_once(self, store: Store) -> None:
        make_accounts_and_keys(store)
        batch = [entry(plan_windows=(DAY,)), entry()]
        assert not store.has_segment("one")
        totals = store.write_entries(batch, "one")
        assert store.has_segment("one")
        assert store.write_entries(batch, "one") == totals == {"a:1": 2_000, "k:1": 2_000, "p:1:day:0": 1_000}
        assert store.usage_totals(UsageFilter()).requests == 2
        store.forget_segments(["one", "never seen"])
        assert not store.has_segment("one")

    def test_a_segment_counts_once_also_if_two_replay_it_at_once(self, store: Store) -> None:
        make_accounts_and_keys(store)
        batch = [entry() for _ in range(50)]
        with ThreadPoolExecutor(4) as pool:
            totals = list(pool.map(lambda _: store.write_entries(batch, "one"), range(4)))
        assert totals == [{"a:1": 50_000, "k:1": 50_000}] * 4
        assert store.usage_totals(UsageFilter(channel="up-chat")).requests == 50

    def test_a_failed_batch_leaves_no_name(self, store: Store) -> None:
        make_accounts_and_keys(store)
        with pytest.raises(StoreError):
            store.write_entries([entry(), entry(channel=None)], "one")
        assert not store.has_segment("one")
        assert store.usage_page(UsageFilter()) == []
        assert store.get_account(1).charged_nusd == 0


class TestSpent:
    def test_by_name_of_meter(self, store: Store) -> None:
        make_accounts_and_keys(store, accounts=2)
        store.write_entries([entry(plan_windows=(DAY,)), entry(account_id=2, key_id=2, cost_nusd=7)])
        names = ["a:1", "k:2", "p:1:day:0", "p:1:day:86400000", "p:2:week:0", "a:99", "k:99"]
        assert store.read_spent(names) == {
            "a:1": 1_000,
            "k:2": 7,
            "p:1:day:0": 1_000,
            "p:1:day:86400000": 0,
            "p:2:week:0": 0,
            "a:99": 0,
            "k:99": 0,
        }
        assert store.read_spent([]) == {}

    def test_of_many_at_once(self, store: Store) -> None:
        assert store.read_spent([f"a:{number}" for number in range(2_000)])["a:1999"] == 0


class TestAtOnce:
    def test_threads_and_stores_write_the_same_rows_in_any_order(
        self, store: Store, opened: tuple[Path, Secret | None]
    ) -> None:
        """Each batch has all accounts and keys, in an order of its own. Nobody waits for ever and nothing is lost."""
        make_accounts_and_keys(store, accounts=8)

        def write(turn: int) -> None:
            order = list(range(8))
            order = order[turn % 8 :] + order[: turn % 8]
            windows = tuple(PlanWindow(1 + number, "day", 0) for number in reversed(order))
            batch = [entry(account_id=1 + n, key_id=1 + n, plan_windows=windows, is_windowed=True) for n in order]
            (store if turn % 2 else other).write_entries(batch)

        with Store.open(*opened) as other, ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(48)))
        assert [account.charged_nusd for account in store.list_accounts()] == [48_000] * 8
        assert [key.spent_nusd for key in store.list_keys()] == [48_000] * 8
        assert set(store.read_spent([f"p:{1 + n}:day:0" for n in range(8)]).values()) == {8 * 48_000}
        assert store.usage_totals(UsageFilter()).requests == 8 * 48

    def test_others_change_and_read_meanwhile(self, store: Store, opened: tuple[Path, Secret | None]) -> None:
        make_accounts_and_keys(store, accounts=4)
        before = store.revision()

        def write(_: int) -> None:
            store.write_entries([entry(account_id=1 + n, key_id=1 + n) for n in range(4)])

        def change(turn: int) -> None:
            with store.transaction():  # keys before accounts: the other way round than entries are written
                store.change_key(4 - turn % 4, {"rpm": turn})
                store.move_money(1 + turn % 4, "top_up", 10, "")

        def watch(turn: int) -> None:
            store.changes_since(turn)

        works: list[Callable[[int], None]] = [write, change, watch]
        with ThreadPoolExecutor(6) as pool:
            for done in [pool.submit(works[turn % 3], turn) for turn in range(60)]:
                done.result(60)
        accounts = store.list_accounts()
        assert [account.charged_nusd for account in accounts] == [20_000] * 4
        assert sum(account.credited_nusd for account in accounts) == 200
        assert store.revision() == before + 40


def test_a_batch_in_the_way_of_a_deadlock_is_written_again(store: Store, opened: tuple[Path, Secret | None]) -> None:
    """Somebody else's transaction takes the rows in the other order; on SQLite it simply waits."""
    make_accounts_and_keys(store, accounts=2)
    home = open_home(*opened)
    is_postgresql = opened[1] is not None
    holds = threading.Event()

    def disturb() -> None:
        with home.writer.begin() as connection:
            connection.execute(text("UPDATE keys SET name = 'x' WHERE id = 2"))
            holds.set()
            time.sleep(0.3)
            if is_postgresql:
                connection.execute(text("SET LOCAL deadlock_timeout = '30s'"))  # the other one is to be ended
            connection.execute(text("UPDATE accounts SET display_name = 'x' WHERE id = 1"))

    thread = threading.Thread(target=disturb)
    thread.start()
    assert holds.wait(10)
    totals = store.write_entries([entry(), entry(account_id=2, key_id=2)])
    thread.join(30)
    home.reader.dispose()
    assert totals == {"a:1": 1_000, "a:2": 1_000, "k:1": 1_000, "k:2": 1_000}
    assert {key.name for key in store.list_keys()} == {"k", "x"}


def cost_of(store: Store, batch: list[Entry]) -> float:
    before = time.thread_time()
    store.write_entries(batch)
    return (time.thread_time() - before) / len(batch)


def test_an_entry_costs_microseconds(sqlite_store: Store) -> None:
    """11 to 14 µs of CPU time where this was measured, on a busy machine. The best of several rounds, therefore."""
    make_accounts_and_keys(sqlite_store, accounts=20)
    batches = [
        [entry(account_id=1 + n % 20, key_id=1 + n % 20, is_windowed=True) for n in range(500)] for _ in range(8)
    ]
    assert min(cost_of(sqlite_store, batch) for batch in batches) < 40e-6
