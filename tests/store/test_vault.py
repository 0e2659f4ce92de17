"""State in the store: found until it expires; bounded in number."""

from __future__ import annotations

from torouter.store import Store


def test_rows_are_found_until_they_expire(store: Store) -> None:
    store.keep_state([(b"a", b"1", 100), (b"b", b"2", 200)])
    assert store.find_state([b"a", b"b", b"c"], 99) == {b"a": (b"1", 100), b"b": (b"2", 200)}
    assert store.find_state([b"a", b"b"], 100) == {b"b": (b"2", 200)}
    assert store.find_state([], 0) == {}


def test_the_newest_of_a_key_counts(store: Store) -> None:
    store.keep_state([(b"a", b"1", 100), (b"a", b"2", 100)])
    store.keep_state([(b"a", b"3", 300)])
    store.keep_state([])
    assert store.find_state([b"a"], 0) == {b"a": (b"3", 300)}


def test_many_keys_at_once(store: Store) -> None:
    rows = [(b"%d" % number, b"v", 100 + number) for number in range(1700)]
    store.keep_state(rows)
    assert len(store.find_state([key for key, _, _ in rows], 0)) == 1700


def test_tidying_removes_the_expired_and_the_oldest_beyond_the_limit(store: Store) -> None:
    keys = [b"%d" % number for number in range(10)]
    store.keep_state([(key, b"v", number) for number, key in enumerate(keys)])
    store.tidy_state(now_ms=2, most_rows=100)
    assert list(store.find_state(keys, -1)) == keys[3:]
    store.tidy_state(now_ms=2, most_rows=4)
    assert list(store.find_state(keys, -1)) == keys[6:]
