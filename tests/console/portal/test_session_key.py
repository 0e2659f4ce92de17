"""The key that the playground calls with."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.console.admin.desk import entry
from tests.console.portal.lobby import PEPPER, Browser, Lobby
from torouter.accounts import hash_key
from torouter.store import KeyRow

HOUR = timedelta(hours=1)


def row_of(lobby: Lobby, secret: str) -> KeyRow:
    found = lobby.store.find_key(hash_key(PEPPER, secret))
    assert found is not None
    return found


def made(browser: Browser, **fields: str) -> str:
    answer = browser.post("/playground/key", **fields)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["key"])


def test_it_is_for_an_hour_and_of_the_account(lobby: Lobby) -> None:
    answer = lobby.signed("bob@example.com").post("/playground/key")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert sorted(told) == ["expires_at", "group", "key"]
    assert re.fullmatch(r"sk-[A-Za-z0-9]{48}", told["key"])
    assert told["group"] == "default"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["expires_at"])
    left = datetime.fromisoformat(told["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= HOUR
    row = row_of(lobby, told["key"])
    assert (row.account_id, row.name, row.group, row.status) == (lobby.bob, "Playground", "default", "enabled")
    assert row.session_id is not None


def test_it_is_on_the_audit_log_without_its_text(lobby: Lobby) -> None:
    secret = made(lobby.signed())
    (row,) = lobby.store.audit_page(limit=1)
    assert (row.action, row.object_id, row.actor) == (
        "key.create", row_of(lobby, secret).id, f"account {lobby.ada} (ada@example.com)",
    )  # fmt: skip
    assert row.after is not None
    assert row.after["is_session"] is True
    assert secret not in str(row)


def test_it_is_no_key_among_keys(lobby: Lobby) -> None:
    browser = lobby.signed()
    before = browser.get("/keys").text
    row = row_of(lobby, made(browser))
    assert f"/keys/{row.id}" not in browser.get("/keys").text
    assert "Playground" not in without_navigation(browser.get("/keys").text)
    assert browser.get("/keys").text.count("<tr") == before.count("<tr")
    for path in ("", "/rotate", "/delete"):
        assert browser.get(f"/keys/{row.id}{path}").status_code == 404
        assert browser.post(f"/keys/{row.id}{path}", name="mine", overlap_h="1").status_code == 404
    assert browser.post(f"/keys/{row.id}/status", status="disabled").status_code == 404
    assert lobby.store.get_key(row.id) == row


def without_navigation(html: str) -> str:
    return re.sub(r"<nav.*?</nav>", "", html, flags=re.DOTALL)


def test_what_it_used_bears_its_name(lobby: Lobby) -> None:
    browser = lobby.signed()
    row = row_of(lobby, made(browser))
    lobby.store.write_entries([entry(1, account_id=lobby.ada, key_id=row.id)])
    browser.post("/sign-out")
    again = lobby.signed()
    assert "Playground" in without_navigation(again.get("/usage?since=2000-01-01&until=").text)
    assert "Playground" in without_navigation(again.get(f"/usage/{entry(1).usage.request_id}").text)


def test_a_session_has_a_few_and_the_oldest_makes_room(lobby: Lobby) -> None:
    browser, other = lobby.signed(), lobby.signed()
    others = row_of(lobby, made(other))
    rows = [row_of(lobby, made(browser)) for _ in range(6)]
    deleted = [lobby.store.get_key(row.id).deleted_ms is not None for row in rows]
    assert deleted == [True, True, False, False, False, False]
    assert lobby.store.get_key(others.id) == others
    assert [row.action for row in lobby.store.audit_page(limit=2)] == ["key.create", "key.delete"]


def test_it_ends_with_its_session(lobby: Lobby) -> None:
    browser, other = lobby.signed(), lobby.signed()
    mine, others = row_of(lobby, made(browser)), row_of(lobby, made(other))
    browser.post("/sign-out")
    assert lobby.store.get_key(mine.id).deleted_ms is not None
    assert lobby.store.get_key(others.id).deleted_ms is None


def test_one_that_has_expired_is_tidied_up(lobby: Lobby) -> None:
    old = row_of(lobby, made(lobby.signed()))
    lobby.clock.later_ms += HOUR // timedelta(milliseconds=1) + 1000
    made(lobby.signed("bob@example.com"))
    assert lobby.store.get_key(old.id).deleted_ms is not None


class TestGroups:
    def test_one_that_the_account_is_subscribed_to(self, lobby: Lobby) -> None:
        group = lobby.store.create_group("plus")
        plan = lobby.store.create_plan("large")
        lobby.store.set_subscription(lobby.bob, group.id, plan.id, "active", 0, None)
        answer = lobby.signed("bob@example.com").post("/playground/key", group="plus")
        assert answer.json()["group"] == "plus"
        assert row_of(lobby, answer.json()["key"]).group == "plus"

    @pytest.mark.parametrize("group", ["plus", "nowhere", "<b>", "x" * 5000])
    def test_others_are_refused_alike(self, lobby: Lobby, group: str) -> None:
        lobby.store.create_group("plus")
        answer = lobby.signed("bob@example.com").post("/playground/key", group=group)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
        assert answer.json()["error"]["param"] == "group"
        assert lobby.store.list_keys(include_deleted=True) == []

    def test_an_administrator_may_use_any(self, lobby: Lobby) -> None:
        lobby.store.create_group("plus")
        assert lobby.signed().post("/playground/key", group="plus").json()["group"] == "plus"
