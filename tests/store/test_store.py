"""Queries against real databases: a SQLite file, and a PostgreSQL server."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from torouter.errors import StoreError
from torouter.store import AccountRow, KeyRow, Store
from torouter.units import Secret, wall_ms


def make_key(store: Store, account: AccountRow, name: str = "laptop", key_hash: bytes = b"\x01" * 32) -> KeyRow:
    return store.create_key(
        account_id=account.id, group="default", name=name, key_hash=key_hash, head="sk-abc…", tail="wxyz"
    )


@pytest.fixture
def account(store: Store) -> AccountRow:
    return store.create_account("admin@localhost", "Administrator", "admin")


class TestAccountsAndGroups:
    def test_a_new_store_has_the_default_group_and_nobody(self, store: Store) -> None:
        assert [group.name for group in store.list_groups()] == ["default"]
        assert store.list_accounts() == []
        assert store.first_account() is None
        assert store.revision() == 0

    def test_the_first_account_is_the_one_made_first(self, store: Store) -> None:
        before = wall_ms()
        first = store.create_account("b@example.com", "B", "admin")
        second = store.create_account("a@example.com", "A", "user")
        assert store.first_account() == first
        assert store.list_accounts() == [first, second]
        assert (first.email, first.display_name, first.role, first.status) == ("b@example.com", "B", "admin", "active")
        assert before <= first.created_ms <= wall_ms()

    def test_an_address_is_taken_once(self, store: Store, account: AccountRow) -> None:
        with pytest.raises(StoreError, match="There is an account with the address admin@localhost already") as caught:
            store.create_account(account.email, "Another", "user")
        assert caught.value.kind == "conflict"

    def test_a_group_name_is_taken_once(self, store: Store) -> None:
        assert store.create_group("team").name == "team"
        with pytest.raises(StoreError, match="There is a group named team already") as caught:
            store.create_group("team")
        assert caught.value.kind == "conflict"


class TestKeys:
    def test_what_was_entered_is_listed(self, store: Store, account: AccountRow) -> None:
        store.create_group("team")
        row = store.create_key(
            account_id=account.id,
            group="team",
            name="ci",
            key_hash=b"\x07" * 32,
            head="sk-abc…",
            tail="wxyz",
            models=["gpt-5", "größe/模型"],
            expires_ms=2_000_000_000_000,
        )
        assert store.list_keys() == [row]
        assert store.find_key(b"\x07" * 32) == row
        assert store.find_key(b"\x08" * 32) is None
        assert (row.group, row.name, row.head, row.tail) == ("team", "ci", "sk-abc…", "wxyz")
        assert row.models == ("gpt-5", "größe/模型")
        assert (row.status, row.expires_ms, row.last_used_ms, row.deleted_ms) == (
            "enabled",
            2_000_000_000_000,
            None,
            None,
        )

    def test_a_group_that_does_not_exist_is_named_with_those_that_do(self, store: Store, account: AccountRow) -> None:
        with pytest.raises(StoreError, match=r"^There is no group named teem; the groups are: default\.$") as caught:
            store.create_key(account_id=account.id, group="teem", name="x", key_hash=b"x", head="", tail="")
        assert caught.value.kind == "not_found"
        assert store.list_keys() == []

    def test_an_account_that_does_not_exist_is_refused(self, store: Store) -> None:
        with pytest.raises(StoreError, match="its account does not exist"):
            store.create_key(account_id=99, group="default", name="x", key_hash=b"x", head="", tail="")

    def test_status_goes_back_and_forth(self, store: Store, account: AccountRow) -> None:
        row = make_key(store, account)
        assert store.set_key_status(row.id, "disabled").status == "disabled"
        assert store.list_keys()[0].status == "disabled"
        assert store.set_key_status(row.id, "enabled") == row

    def test_a_deleted_key_is_gone_for_good(self, store: Store, account: AccountRow) -> None:
        row = make_key(store, account)
        deleted = store.delete_key(row.id)
        assert deleted.deleted_ms is not None
        assert store.list_keys() == []
        assert store.list_keys(include_deleted=True) == [deleted]
        assert store.changes_since(0).keys == ()
        assert [each.is_deleted for each in store.changes_since(1).keys] == [True]
        with pytest.raises(StoreError, match="There is no key 1"):
            store.set_key_status(row.id, "enabled")
        with pytest.raises(StoreError, match="There is no key 1"):
            store.delete_key(row.id)
        with pytest.raises(StoreError, match="a deleted one cannot come back"):
            make_key(store, account)


class TestAccess:
    def test_every_change_raises_the_revision_in_its_transaction(self, store: Store) -> None:
        changes = [
            lambda: store.create_account("a@b", "A", "user"),
            lambda: store.create_group("team"),
            lambda: make_key(store, store.list_accounts()[0]),
            lambda: store.set_key_status(1, "disabled"),
            lambda: store.delete_key(1),
        ]
        for number, change in enumerate(changes, start=1):
            change()
            assert store.revision() == number

    def test_a_refused_change_does_not_raise_it(self, store: Store) -> None:
        with pytest.raises(StoreError):
            store.create_group("default")
        assert store.revision() == 0

    def test_another_process_sees_the_change(self, store: Store, opened: tuple[Path, Secret | None]) -> None:
        with Store.open(*opened) as other:
            assert other.revision() == 0
            store.create_group("team")
            assert other.revision() == 1


class TestTransaction:
    def test_joins_calls_into_one(self, store: Store) -> None:
        seen: list[str] = []

        def change_and_fail() -> None:
            with store.transaction():
                store.create_group("team")
                seen.extend(group.name for group in store.list_groups())
                store.create_group("default")

        with pytest.raises(StoreError, match="named default already"):
            change_and_fail()
        assert seen == ["default", "team"]
        assert [group.name for group in store.list_groups()] == ["default"]
        assert store.revision() == 0

    def test_may_stand_within_another(self, store: Store) -> None:
        with store.transaction():
            with store.transaction():
                store.create_group("inner")
            store.create_group("outer")
        assert [group.name for group in store.list_groups()] == ["default", "inner", "outer"]

    def test_other_threads_do_not_take_part_and_wait_to_write(self, store: Store) -> None:
        def change() -> None:
            store.create_group("late")

        thread = threading.Thread(target=change)
        with store.transaction():
            store.create_group("early")
            thread.start()
            thread.join(0.1)
            assert thread.is_alive()
        thread.join(10)
        assert [group.name for group in store.list_groups()] == ["default", "early", "late"]

    def test_threads_write_at_once(self, store: Store) -> None:
        def change(number: int) -> None:
            for step in range(5):
                store.create_group(f"{number}-{step}")

        threads = [threading.Thread(target=change, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(store.list_groups()) == 31
        assert store.revision() == 30
