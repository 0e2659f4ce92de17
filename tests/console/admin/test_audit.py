"""Every change leaves a row in its own transaction, and no row holds a secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.console.admin.desk import PEPPER, Api, bodies
from torouter.accounts import hash_key
from torouter.accounts.office import keys, people
from torouter.accounts.office.desk import Actor, Desk
from torouter.accounts.office.forms import KeyEdit, NewKey, TopUp
from torouter.console.admin.call import Endpoint
from torouter.console.admin.site import ENDPOINTS
from torouter.errors import StoreError
from torouter.store import AuditRow, Store

CHANGING = [endpoint for endpoint in ENDPOINTS if endpoint.shape == "change"]
ACTIONS = {
    "create_key": ["key.create"],
    "edit_key": ["key.edit"],
    "delete_key": ["key.delete"],
    "rotate_key": ["key.rotate", "key.delete"],
    "create_group": ["group.create"],
    "edit_group": ["group.edit"],
    "delete_group": ["group.delete"],
    "create_account": ["account.create"],
    "edit_account": ["account.edit"],
    "delete_account": ["account.delete"],
    "clear_password": ["account.password_cleared"],
    "end_sessions": ["account.sessions_ended"],
    "move_money": ["account.top_up"],
    "create_plan": ["plan.create"],
    "edit_plan": ["plan.edit"],
    "delete_plan": ["plan.delete"],
    "subscribe": ["subscription.edit"],
    "edit_subscription": ["subscription.edit"],
    "create_channel": ["channel.create"],
    "edit_channel": ["channel.edit"],
    "delete_channel": ["channel.delete"],
    "add_credential": ["channel.add_credential"],
    "edit_credential": ["channel.edit_credential"],
    "remove_credential": ["channel.remove_credential"],
    "add_price": ["price.add"],
    "end_price": ["price.end"],
    "create_token": ["token.create"],
    "revoke_token": ["token.revoke"],
}

SILENT = ("account.password_cleared", "account.sessions_ended")
"""What these change is shown to nobody, before or after."""


@pytest.mark.parametrize("endpoint", CHANGING, ids=lambda endpoint: endpoint.name)
def test_every_change_leaves_its_rows(prepared: Api, endpoint: Endpoint) -> None:
    newest = prepared.data("GET", "/audit")[0]["id"]
    path, body = bodies()[endpoint.name]
    data = prepared.data(endpoint.method, path, body)
    rows = [row for row in prepared.data("GET", "/audit") if row["id"] > newest][::-1]
    assert [row["action"] for row in rows] == ACTIONS[endpoint.name]
    for row in rows:
        assert (row["actor"], row["address"]) == ("TOROUTER_ADMIN_TOKEN", "203.0.113.9")
        assert row["object_kind"] == row["action"].partition(".")[0]
        is_new, is_gone = row["before"] is None, row["after"] is None
        if row["action"] in SILENT:
            assert is_new
            assert is_gone
            continue
        assert is_new == row["action"].endswith((".create", ".add", ".rotate"))
        assert is_gone == row["action"].endswith((".delete", ".end", ".revoke"))
    shown = data.get("key") or data.get("token") or data
    assert rows[0]["object_id"] == shown.get("id", 2)


@pytest.mark.parametrize("endpoint", CHANGING, ids=lambda endpoint: endpoint.name)
def test_what_is_refused_leaves_none(prepared: Api, endpoint: Endpoint) -> None:
    newest = prepared.data("GET", "/audit")[0]["id"]
    path, body = bodies()[endpoint.name]
    elsewhere = path.replace("/2", "/77").replace("/3", "/77")
    if "{" not in endpoint.path:
        assert isinstance(body, dict)
        body = body | {"unheard_of": 1}
    answer = prepared.call(endpoint.method, elsewhere, body)
    assert answer.status_code in (400, 404), answer.text
    assert prepared.data("GET", "/audit")[0]["id"] == newest


def test_an_edit_shows_what_changed_and_nothing_else(prepared: Api) -> None:
    prepared.data("PATCH", "/keys/1", {"cap_usd": "5", "rpm": 0, "ip_allow": ["10.1.2.3/8"]})
    row = prepared.data("GET", "/audit")[0]
    assert row["before"] == {"cap_usd": "0.00", "ip_allow": []}
    assert row["after"] == {"cap_usd": "5.00", "ip_allow": ["10.0.0.0/8"]}


def test_an_edit_that_changes_nothing_leaves_none(prepared: Api) -> None:
    newest = prepared.data("GET", "/audit")[0]["id"]
    prepared.data("PATCH", "/keys/1", {"rpm": 0})
    prepared.data("PATCH", "/keys/1", {})
    assert prepared.data("GET", "/audit")[0]["id"] == newest


def test_no_row_holds_a_secret(prepared: Api, store: Store) -> None:
    secrets = [
        prepared.data("POST", "/keys", {"name": "a", "account_id": 1})["secret"],
        prepared.data("POST", "/keys/2/rotate", {"overlap_s": 60})["secret"],
        prepared.data("POST", "/tokens", {"name": "a", "account_id": 1})["secret"],
    ]
    secrets += ["sk-first-a-0123456789", "sk-third-0123456789", "sk-third-c-0123456789", "sk-other-a-0123456789"]
    for name in ("create_channel", "edit_channel", "add_credential", "edit_credential", "delete_channel"):
        path, body = bodies()[name]
        prepared.data({"edit": "PATCH", "delete": "DELETE"}.get(name.partition("_")[0], "POST"), path, body)
    said = json.dumps(prepared.data("GET", "/audit", limit=1000))
    for secret in secrets:
        assert secret not in said
        assert secret[4:20] not in said
        assert hash_key(PEPPER, secret).hex() not in said
    assert "hash" not in said


def test_it_goes_back_page_by_page_and_by_object(prepared: Api) -> None:
    everything = prepared.data("GET", "/audit", limit=1000)
    pages, before = [], None
    while True:
        answer = prepared.call("GET", "/audit", limit=3, **({} if before is None else {"before": before})).json()
        pages += answer["data"]
        before = answer["next"]
        if before is None:
            break
    assert pages == everything
    of_key = prepared.data("GET", "/audit", object_kind="key", object_id=1)
    assert [row["action"] for row in of_key] == ["key.create"]


class FullDisk(Store):
    """A real store that cannot write the audit row."""

    def write_audit(self, *_: Any, **__: Any) -> AuditRow:
        raise StoreError("No space is left.")


def test_without_its_row_a_change_does_not_happen(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        key_id = keys.create_key(Desk(store, PEPPER, Actor("test")), NewKey(name="a")).key.id
    with FullDisk.open(tmp_path) as store:
        desk = Desk(store, PEPPER, Actor("test"))
        before = (store.list_keys(), store.list_accounts(), store.revision())
        with pytest.raises(StoreError):
            keys.edit_key(desk, key_id, KeyEdit(rpm=7))
        with pytest.raises(StoreError):
            keys.create_key(desk, NewKey(name="b"))
        with pytest.raises(StoreError):
            people.move_money(desk, 1, TopUp(amount_usd="5"))
        assert (store.list_keys(), store.list_accounts(), store.revision()) == before
