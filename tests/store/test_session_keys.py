"""Keys that belong to a session of the portal: found by it, listed among the deleted only, and gone with it."""

from __future__ import annotations

from tests.store.entries import make_accounts_and_keys
from torouter.store import KeyRow, Store

HOUR_MS = 3_600_000


def session_of(store: Store, account_id: int, name: bytes) -> int:
    return store.open_session(account_id, name, 0, 10 * HOUR_MS, "").id


def key_of(store: Store, session_id: int, name: bytes, *, account_id: int = 1, expires_ms: int = HOUR_MS) -> KeyRow:
    return store.create_key(
        account_id=account_id, group="default", name="Playground", key_hash=name, head="sk-a…", tail="z",
        expires_ms=expires_ms, session_id=session_id,
    )  # fmt: skip


def living(store: Store) -> set[int]:
    """Ids of the keys of sessions that a process which starts now hears of."""
    return {key.id for key in store.changes_since(0).keys if key.is_session}


def test_it_is_nobodys_to_keep(store: Store) -> None:
    make_accounts_and_keys(store)
    session_id = session_of(store, 1, b"s")
    made = key_of(store, session_id, b"a")
    assert made.session_id == session_id
    assert store.get_key(made.id) == made
    assert store.session_keys(session_id) == [made]
    assert [key.id for key in store.list_keys()] == [1]
    assert [key.id for key in store.list_keys(account_id=1, include_deleted=True)] == [1, made.id]
    assert [(key.id, key.is_session) for key in store.changes_since(0).keys] == [(1, False), (made.id, True)]


def test_it_ends_with_its_session(store: Store) -> None:
    make_accounts_and_keys(store)
    one, other = session_of(store, 1, b"s"), session_of(store, 1, b"t")
    first, second, kept = key_of(store, one, b"a"), key_of(store, one, b"b"), key_of(store, other, b"c")
    before = store.revision()
    store.end_session(one)
    told = store.changes_since(before)
    assert {(key.id, key.is_deleted) for key in told.keys} == {(first.id, True), (second.id, True)}
    assert living(store) == {kept.id}
    assert store.session_keys(one) == []
    assert store.get_key(1).deleted_ms is None


def test_a_new_password_ends_those_of_the_account(store: Store) -> None:
    make_accounts_and_keys(store, accounts=2)
    mine, others = session_of(store, 1, b"s"), session_of(store, 2, b"t")
    key_of(store, mine, b"a")
    kept = key_of(store, others, b"b", account_id=2)
    store.set_password(1, "hash")
    assert living(store) == {kept.id}
    assert [key.id for key in store.list_keys()] == [1, 2], "keys that people keep go on"


def test_those_that_have_expired_are_swept(store: Store) -> None:
    make_accounts_and_keys(store)
    store.change_key(1, {"expires_ms": 5})
    session_id = session_of(store, 1, b"s")
    key_of(store, session_id, b"a", expires_ms=100)
    key_of(store, session_id, b"b", expires_ms=200)
    kept = key_of(store, session_id, b"c", expires_ms=201)
    store.sweep_session_keys(200)
    assert living(store) == {kept.id}
    assert store.get_key(1).deleted_ms is None
