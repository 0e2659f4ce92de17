"""The first account and the first key: made once, whoever asks, however often."""

from __future__ import annotations

import threading

import pytest

from torouter.accounts import Announcement, ensure_account, ensure_first, hash_key
from torouter.errors import ConfigError
from torouter.store import Store

PEPPER = bytes(range(32))
GIVEN = "sk-test-first-key"


class TestMade:
    def test_a_new_store_gets_an_account_and_a_key(self, store: Store) -> None:
        first = ensure_first(store, PEPPER, None)
        assert first.origin == "made"
        assert first.key is not None
        (account,) = store.list_accounts()
        assert (account.email, account.role, account.status) == ("admin@localhost", "admin", "active")
        key = store.find_key(hash_key(PEPPER, first.key.reveal()))
        assert key is not None
        assert (key.account_id, key.group, key.name, key.models) == (account.id, "default", "first key", ())

    def test_its_text_is_given_out_once(self, store: Store) -> None:
        first = ensure_first(store, PEPPER, None)
        assert first.key is not None
        assert first.key.reveal() not in repr(first)
        again = ensure_first(store, PEPPER, None)
        assert (again.key, again.origin) == (None, "kept")
        assert len(store.list_keys()) == 1

    def test_deleting_it_does_not_bring_another(self, store: Store) -> None:
        ensure_first(store, PEPPER, None)
        store.delete_key(1)
        assert ensure_first(store, PEPPER, None).origin == "kept"
        assert store.list_keys() == []

    def test_an_account_from_before_is_used(self, store: Store) -> None:
        account = store.create_account("me@example.com", "Me", "admin")
        ensure_first(store, PEPPER, None)
        assert store.list_accounts() == [account]
        assert store.list_keys()[0].account_id == account.id

    def test_those_who_start_at_once_make_one(self, store: Store) -> None:
        start, origins = threading.Barrier(6), []

        def ensure() -> None:
            with Store.open(store.data_dir) as own:
                start.wait(10)
                origins.append(ensure_first(own, PEPPER, None).origin)

        threads = [threading.Thread(target=ensure) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(origins) == ["kept"] * 5 + ["made"]
        assert len(store.list_keys()) == len(store.list_accounts()) == 1


class TestGiven:
    def test_is_made_to_exist(self, store: Store) -> None:
        first = ensure_first(store, PEPPER, GIVEN)
        assert (first.key, first.origin) == (None, "given")
        key = store.find_key(hash_key(PEPPER, GIVEN))
        assert key is not None
        assert (key.status, key.group) == ("enabled", "default")

    def test_again_changes_nothing(self, store: Store) -> None:
        ensure_first(store, PEPPER, GIVEN)
        before = store.revision()
        assert ensure_first(store, PEPPER, GIVEN).origin == "given"
        assert store.revision() == before

    def test_joins_the_keys_that_exist(self, store: Store) -> None:
        ensure_first(store, PEPPER, None)
        ensure_first(store, PEPPER, GIVEN)
        assert [key.head for key in store.list_keys()][1] == "sk-t…"
        assert len(store.list_accounts()) == 1

    def test_a_disabled_one_stays_disabled(self, store: Store) -> None:
        ensure_first(store, PEPPER, GIVEN)
        store.set_key_status(1, "disabled")
        ensure_first(store, PEPPER, GIVEN)
        assert store.list_keys()[0].status == "disabled"

    def test_a_deleted_one_does_not_come_back(self, store: Store) -> None:
        ensure_first(store, PEPPER, GIVEN)
        store.delete_key(1)
        with pytest.raises(ConfigError) as caught:
            ensure_first(store, PEPPER, GIVEN)
        assert caught.value.message == (
            "TOROUTER_FIRST_KEY: this key was deleted, and a deleted key cannot come back: choose another, or unset "
            "the variable."
        )

    def test_a_malformed_one_is_refused_before_anything_is_made(self, store: Store) -> None:
        with pytest.raises(ConfigError, match=r"^TOROUTER_FIRST_KEY: expected a key that starts with 'sk-'"):
            ensure_first(store, PEPPER, "hunter2-hunter2")
        assert store.list_accounts() == []


def test_the_account_is_made_once(store: Store) -> None:
    assert ensure_account(store) == ensure_account(store)
    assert len(store.list_accounts()) == 1


def test_an_announcement_does_not_print_its_key() -> None:
    announcement = Announcement(url="http://x", key=GIVEN, key_origin="made", channels=(), is_demo=True)
    assert announcement.key == GIVEN
    assert GIVEN not in repr(announcement)
