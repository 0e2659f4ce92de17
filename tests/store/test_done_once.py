"""What was done once: one answer under a name, until it expires, and only with what it is the answer to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from torouter.errors import StoreError
from torouter.store import Store
from torouter.units import Secret


def test_an_answer_is_found_until_it_expires(store: Store) -> None:
    store.keep_done(b"a", b"1", 100)
    assert store.find_done(b"a", 99) == b"1"
    assert store.find_done(b"a", 100) is None
    assert store.find_done(b"b", 0) is None


def test_one_that_has_expired_makes_room_for_the_next(store: Store) -> None:
    store.keep_done(b"a", b"1", 100)
    store.keep_done(b"a", b"2", 300)
    assert store.find_done(b"a", 200) == b"2"


def test_it_goes_with_what_it_is_the_answer_to(store: Store) -> None:
    def fail() -> None:
        with store.transaction(is_change=True):
            store.keep_done(b"a", b"1", 100)
            store.create_group("default")

    with pytest.raises(StoreError, match="There is a group named default already"):
        fail()
    assert store.find_done(b"a", 0) is None


def test_pruning_takes_the_expired_a_little_at_a_time(store: Store) -> None:
    for number in range(5):
        store.keep_done(b"%d" % number, b"", number)
    assert [store.prune_done(4, 3), store.prune_done(4, 3), store.prune_done(4, 3)] == [3, 1, 0]
    assert store.find_done(b"4", 0) == b""


def test_of_two_that_look_and_then_act_one_acts(store: Store, opened: tuple[Path, Secret | None]) -> None:
    """Over two stores, as processes have them: whoever looks later waits for what the first does."""

    def act(which: Store) -> None:
        with which.transaction(is_change=True):
            if which.find_done(b"a", 0) is None:
                which.move_money(account.id, "top_up", 5, "")
                which.keep_done(b"a", b"1", 100)

    account = store.create_account("a@example.com", "A", "user")
    with Store.open(*opened) as other, ThreadPoolExecutor(1) as thread:
        with store.transaction(is_change=True):
            assert store.find_done(b"a", 0) is None
            later = thread.submit(act, other)
            with pytest.raises(TimeoutError):
                later.result(0.5)
            act(store)
        later.result(30)
    assert store.get_account(account.id).balance_nusd == 5
