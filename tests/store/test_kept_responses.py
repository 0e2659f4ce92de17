"""Kept responses in a real SQLite file: whose they are, for how long, and how many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from torouter.store import KeptResponseRow, Store

NOW = 1_000_000


def keep(
    store: Store, name: str, *, account: int = 1, at: int = NOW, ttl: int = 1000, sealed: bytes = b"sealed"
) -> None:
    store.keep_response(
        KeptResponseRow(id=name, account_id=account, key_id=9, created_ms=at, expires_ms=at + ttl, sealed=sealed)
    )


def there(store: Store, *names: str, account: int = 1, now: int = NOW) -> list[str]:
    return [name for name in names if store.find_response(account, name, now) is not None]


def test_what_was_kept_is_found_by_its_own_account_only(store: Store) -> None:
    keep(store, "resp_1")
    assert store.find_response(1, "resp_1", NOW) == b"sealed"
    assert store.find_response(2, "resp_1", NOW) is None
    assert store.find_response(1, "resp_2", NOW) is None


def test_it_is_found_until_it_expires(store: Store) -> None:
    keep(store, "resp_1", ttl=1000)
    assert there(store, "resp_1", now=NOW + 999) == ["resp_1"]
    assert there(store, "resp_1", now=NOW + 1000) == []
    assert not store.delete_response(1, "resp_1", NOW + 1000)


def test_it_is_deleted_by_its_own_account_only_and_once(store: Store) -> None:
    keep(store, "resp_1")
    assert not store.delete_response(2, "resp_1", NOW)
    assert there(store, "resp_1") == ["resp_1"]
    assert store.delete_response(1, "resp_1", NOW)
    assert there(store, "resp_1") == []
    assert not store.delete_response(1, "resp_1", NOW)


def test_a_shorter_time_holds_for_what_is_there(store: Store) -> None:
    keep(store, "long", ttl=1000)
    keep(store, "short", ttl=10)
    store.shorten_responses(100)
    assert there(store, "long", "short", now=NOW + 9) == ["long", "short"]
    assert there(store, "long", "short", now=NOW + 10) == ["long"]
    assert there(store, "long", now=NOW + 100) == []


def test_a_sweep_takes_what_has_expired(store: Store) -> None:
    keep(store, "old", ttl=10)
    keep(store, "new", ttl=1000)
    assert store.sweep_responses(NOW + 10, 1_000_000) == 1
    assert there(store, "old", "new") == ["new"]


def test_a_sweep_takes_the_oldest_of_an_account_that_keeps_too_much(store: Store) -> None:
    for number in range(4):
        keep(store, f"resp_{number}", at=NOW + number, sealed=b"x" * 100)
    keep(store, "others", account=2, sealed=b"x" * 300)
    assert store.sweep_responses(NOW, 300) == 1
    assert there(store, "resp_0", "resp_1", "resp_2", "resp_3") == ["resp_1", "resp_2", "resp_3"]
    assert there(store, "others", account=2) == ["others"]
    assert store.sweep_responses(NOW, 299) == 2
    assert there(store, "resp_1", "resp_2", "resp_3") == ["resp_2", "resp_3"]


def test_a_sweep_with_nothing_to_do_waits_for_no_writer(store: Store) -> None:
    """It looks at all rows; nobody may have to wait for that, either."""
    keep(store, "resp_1")
    with ThreadPoolExecutor() as threads, store.transaction():
        assert threads.submit(store.sweep_responses, NOW, 1000).result(5) == 0


def test_a_sweep_takes_no_more_rows_than_told(store: Store) -> None:
    for number in range(5):
        keep(store, f"resp_{number}", ttl=1)
    assert [store.sweep_responses(NOW + 1, 0, 2) for _ in range(4)] == [2, 2, 1, 0]
