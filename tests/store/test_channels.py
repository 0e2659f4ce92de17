"""Channels and their credentials: made, changed, followed, deleted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from torouter.errors import StoreError
from torouter.store import ChannelRow, Store

SPEC = {"base_url": "https://up.example/v1", "models": {"größe": "模型"}, "deadlines": {"idle_s": 4.5}}


def test_one_comes_back_as_it_was_made(store: Store) -> None:
    made = store.create_channel("main", "openai", {"spec": SPEC, "managed_by": "file", "is_enabled": False})
    assert (made.id, made.name, made.kind, made.spec) == (1, "main", "openai", SPEC)
    assert (made.is_enabled, made.managed_by, made.credentials, made.deleted_ms) == (False, "file", (), None)
    assert store.get_channel(1) == made
    assert store.list_channels() == [made]


def test_changes_touch_what_they_name(store: Store) -> None:
    made = store.create_channel("main", "openai", {"spec": SPEC})
    changed = store.change_channel(made.id, {"name": "prime", "is_enabled": False})
    assert (changed.name, changed.is_enabled, changed.spec, changed.kind) == ("prime", False, SPEC, "openai")
    assert store.change_channel(made.id, {"spec": {}}).spec == {}
    with pytest.raises(StoreError, match="this cannot be changed: created_ms") as caught:
        store.change_channel(made.id, {"created_ms": 0})
    assert caught.value.kind == "bad_request"


def test_names_are_unique_among_the_living(store: Store) -> None:
    store.create_channel("main", "openai")
    other = store.create_channel("other", "openai")
    for attempt in (
        lambda: store.create_channel("main", "gemini"),
        lambda: store.change_channel(other.id, {"name": "main"}),
    ):
        with pytest.raises(StoreError, match="There is a channel named main already") as caught:
            attempt()
        assert caught.value.kind == "conflict"
    store.delete_channel(1)
    assert store.create_channel("main", "gemini").name == "main"


def test_credentials_come_and_go(store: Store) -> None:
    store.create_channel("main", "openai")
    store.add_credential(1, "a", "1234", b"\x00sealed a")
    row = store.add_credential(1, "b", "5678", b"sealed b")
    assert [(each.id, each.label, each.tail, each.sealed) for each in row.credentials] == [
        (1, "a", "1234", b"\x00sealed a"),
        (2, "b", "5678", b"sealed b"),
    ]
    assert store.get_channel(1) == row
    changed = store.change_credential(1, 2, {"label": "c", "tail": "9999", "sealed": b"anew"})
    assert (changed.credentials[1].label, changed.credentials[1].sealed) == ("c", b"anew")
    assert [each.label for each in store.remove_credential(1, 1).credentials] == ["c"]


def test_credentials_that_cannot_be(store: Store) -> None:
    store.create_channel("main", "openai")
    store.create_channel("other", "openai")
    store.add_credential(1, "a", "", b"a")
    store.add_credential(1, "b", "", b"b")
    attempts: list[tuple[Callable[[], ChannelRow], str, str]] = [
        (lambda: store.add_credential(1, "a", "", b"c"), "conflict", "Channel 1 has a credential named a already"),
        (lambda: store.change_credential(1, 2, {"label": "a"}), "conflict", "Channel 1 has a credential named a"),
        (lambda: store.change_credential(2, 1, {"label": "z"}), "not_found", "Channel 2 has no credential 1"),
        (lambda: store.remove_credential(2, 1), "not_found", "Channel 2 has no credential 1"),
        (lambda: store.add_credential(9, "a", "", b"c"), "not_found", "There is no channel 9"),
        (lambda: store.change_credential(1, 1, {"id": 7}), "bad_request", "this cannot be changed: id"),
    ]
    before = store.list_channels()
    for attempt, kind, words in attempts:
        with pytest.raises(StoreError, match=words) as caught:
            attempt()
        assert caught.value.kind == kind
    assert store.list_channels() == before


def test_a_deleted_one_keeps_its_row_and_no_credential(store: Store) -> None:
    store.create_channel("main", "openai", {"spec": SPEC})
    store.add_credential(1, "a", "", b"a")
    deleted = store.delete_channel(1)
    assert (deleted.deleted_ms is not None, deleted.credentials, deleted.spec) == (True, (), SPEC)
    assert store.list_channels() == []
    assert store.list_channels(include_deleted=True) == [deleted] == [store.get_channel(1)]
    for attempt in (
        lambda: store.delete_channel(1),
        lambda: store.change_channel(1, {"is_enabled": True}),
        lambda: store.add_credential(1, "a", "", b"a"),
        lambda: store.get_channel(9),
    ):
        with pytest.raises(StoreError, match="There is no channel") as caught:
            attempt()
        assert caught.value.kind == "not_found"


def test_followers_learn_of_all_channels_when_one_has_changed(store: Store) -> None:
    assert store.changes_since(0).channels == ()
    store.create_channel("main", "openai")
    store.create_channel("other", "gemini")
    works: list[Callable[[], ChannelRow]] = [
        lambda: store.add_credential(1, "a", "", b"a"),
        lambda: store.change_credential(1, 1, {"tail": "9"}),
        lambda: store.change_channel(2, {"is_enabled": False}),
        lambda: store.remove_credential(1, 1),
        lambda: store.delete_channel(1),
    ]
    for work in works:
        before = store.revision()
        work()
        changes = store.changes_since(before)
        assert changes.revision == before + 1
        assert changes.channels == tuple(store.list_channels()) == store.changes_since(0).channels
    before = store.revision()
    store.create_group("team")
    assert store.changes_since(before).channels is None


def test_a_group_says_how_its_requests_are_routed(store: Store) -> None:
    routing = {"on_cut": "error", "fallbacks": {"a": {"outage": ["b"]}}}
    made = store.create_group("team", {"routing": routing, "managed_by": "file"})
    assert (made.routing, made.managed_by) == (routing, "file")
    assert store.change_group(made.id, {"routing": {}}).routing == {}
    assert (store.get_group("default").routing, store.get_group("default").managed_by) == ({}, "")
