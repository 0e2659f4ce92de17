"""What those who decide about requests follow: each change once, as of one moment, in its order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.store.entries import make_accounts_and_keys
from torouter.errors import StoreError
from torouter.store import LimitColumns, Store
from torouter.units import Secret


class TestEverything:
    def test_a_key_as_it_was_made(self, store: Store) -> None:
        account = store.create_account("a@b", "A", "user")
        limits = LimitColumns(cap_nusd=2**50, limit_5h=1, limit_1d=2, limit_7d=3, rpm=4, tpm=5, concurrency=6)
        made = store.create_key(
            account_id=account.id,
            group="default",
            name="größe",
            key_hash=bytes(range(32)),
            head="sk-a…",
            tail="z",
            models=("größe/模型", 'a"b'),
            expires_ms=5,
            keep_responses=False,
            limits=limits,
            ip_allow=("10.0.0.0/8",),
            ip_deny=("10.1.0.0/16", "2001:db8::/32"),
            is_strict=True,
            on_hangup="drain",
        )
        assert store.get_key(made.id) == made
        (key,) = store.changes_since(0).keys
        assert (key.id, key.key_hash, key.name, key.account_id, key.group_id) == (
            made.id,
            bytes(range(32)),
            "größe",
            1,
            1,
        )
        assert (key.models, key.ip_allow, key.ip_deny) == (made.models, made.ip_allow, made.ip_deny)
        assert (key.status, key.expires_ms, key.keep_responses) == ("enabled", 5, False)
        assert (key.limits, key.is_strict, key.on_hangup, key.is_deleted) == (limits, True, "drain", False)

    def test_keys_without_settings_have_none(self, store: Store) -> None:
        make_accounts_and_keys(store, keys_each=2)
        first, second = store.changes_since(0).keys
        assert (first.models, first.ip_allow, first.ip_deny) == ((), (), ())
        assert (first.keep_responses, first.is_strict, first.on_hangup, first.expires_ms) == (None, None, None, None)
        assert first.limits == LimitColumns()
        assert first.limits is second.limits

    def test_deleted_keys_are_nothing_and_deleted_accounts_are_told(self, store: Store) -> None:
        make_accounts_and_keys(store, accounts=2)
        store.delete_key(1)
        store.delete_account(2)
        changes = store.changes_since(0)
        assert [key.id for key in changes.keys] == [2]
        assert [(account.id, account.deleted_ms is None) for account in changes.accounts] == [(1, True), (2, False)]

    @pytest.mark.parametrize("count", [4_999, 5_000, 10_001])
    def test_as_many_as_there_are(self, store: Store, count: int) -> None:
        make_accounts_and_keys(store)
        numbers = f"WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
        with store._in.writing() as connection:  # a key at a time would take too long
            raw = "bytea" if connection.dialect.name == "postgresql" else "blob"
            connection.exec_driver_sql(
                f"{numbers} INSERT INTO keys (account_id, group_id, key_hash, name, head, tail, models, status, "
                f"created_ms) SELECT 1, 1, CAST(CAST(i AS text) AS {raw}), 'k', '', '', '[]', 'enabled', 0 FROM n"
            )
        found = store.changes_since(0).keys
        assert len(found) == len({key.id for key in found}) == count


class TestWhatChanged:
    def test_nothing_since_the_last_look(self, store: Store) -> None:
        make_accounts_and_keys(store)
        changes = store.changes_since(store.revision())
        assert (changes.keys, changes.accounts) == ((), ())
        assert [group.name for group in changes.groups] == ["default"]

    def test_each_change_tells_what_it_changed(self, store: Store) -> None:
        make_accounts_and_keys(store, accounts=3)
        plan = store.create_plan("p")
        works: list[tuple[Callable[[], object], tuple[list[int], list[int]]]] = [
            (lambda: store.change_key(2, {"rpm": 5}), ([2], [])),
            (lambda: store.set_key_status(3, "disabled"), ([3], [])),
            (lambda: store.change_account(1, {"status": "suspended"}), ([], [1])),
            (lambda: store.move_money(2, "top_up", 5, ""), ([], [2])),
            (lambda: store.delete_key(1), ([1], [])),
            (lambda: store.delete_account(3), ([], [3])),
            (lambda: store.create_group("team"), ([], [])),
            (lambda: store.change_group(2, {"name": "squad"}), ([], [])),
            (lambda: store.set_subscription(1, 2, plan.id, "active", 0, None), ([], [])),
            (lambda: store.set_subscription(1, 2, plan.id, "cancelled", 0, None), ([], [])),
            (lambda: store.change_plan(plan.id, {"daily_nusd": 7}), ([], [])),
            (lambda: store.delete_plan(plan.id), ([], [])),
            (lambda: store.delete_group(2), ([], [])),
            (lambda: store.add_price("m", "", 0, {}, ""), ([], [])),
            (lambda: store.delete_price(1), ([], [])),
        ]
        for work, (key_ids, account_ids) in works:
            before = store.revision()
            work()
            changes = store.changes_since(before)
            assert changes.revision == store.revision() == before + 1
            assert ([key.id for key in changes.keys], [each.id for each in changes.accounts]) == (key_ids, account_ids)

    def test_a_deleted_key_is_told_as_deleted(self, store: Store) -> None:
        make_accounts_and_keys(store)
        before = store.revision()
        store.delete_key(1)
        (key,) = store.changes_since(before).keys
        assert key.is_deleted

    def test_a_change_of_a_key_leaves_its_other_columns(self, store: Store) -> None:
        make_accounts_and_keys(store)
        store.create_group("team")
        store.change_key(1, {"rpm": 5, "models": ("m",), "ip_deny": ["10.0.0.0/8"]})
        key = store.change_key(1, {"group": "team", "name": "new", "on_hangup": "drain"})
        assert (key.group, key.name, key.limits.rpm, key.models, key.ip_deny) == (
            "team",
            "new",
            5,
            ("m",),
            ("10.0.0.0/8",),
        )
        with pytest.raises(StoreError, match="this cannot be changed: key_hash, spent_nusd") as caught:
            store.change_key(1, {"spent_nusd": 0, "key_hash": b"", "rpm": 6})
        assert caught.value.kind == "bad_request"
        assert store.get_key(1).limits.rpm == 5


def test_nobody_sees_a_change_before_an_earlier_one(store: Store, opened: tuple[Path, Secret | None]) -> None:
    """Writers that commit at different speeds, and a reader that follows them: it misses none and sees each once."""
    make_accounts_and_keys(store, keys_each=6)
    last = store.revision() + 60
    is_over = threading.Event()

    def change(number: int) -> None:
        for turn in range(10):
            with store.transaction():
                store.change_key(number, {"rpm": turn + 1})
                if number % 2:
                    threading.Event().wait(0.002)

    def follow() -> dict[int, int]:
        with Store.open(*opened) as reader:
            first = reader.changes_since(0)
            seen, state = first.revision, {key.id: key.limits.rpm for key in first.keys}
            while seen < last and not is_over.is_set():
                changes = reader.changes_since(seen)
                state |= {key.id: key.limits.rpm for key in changes.keys}
                assert changes.keys or changes.revision == seen
                seen = changes.revision
            return state

    with ThreadPoolExecutor(7) as pool:
        following = pool.submit(follow)
        for done in [pool.submit(change, number) for number in range(1, 7)]:
            done.result(60)
        timer = threading.Timer(30, is_over.set)
        timer.start()
        assert following.result(60) == dict.fromkeys(range(1, 7), 10)
        timer.cancel()
