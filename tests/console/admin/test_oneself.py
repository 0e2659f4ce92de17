"""Over HTTP, too, no administrator ends their own rights, nor the last one's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.console.admin.desk import Api, prepare, signed_in
from torouter.store import Store

ENDS: list[tuple[str, Any]] = [("PATCH", {"role": "user"}), ("PATCH", {"status": "suspended"}), ("DELETE", None)]


@pytest.mark.parametrize(("method", "body"), ENDS, ids=["demote", "suspend", "delete"])
def test_is_refused(api: Api, method: str, body: Any) -> None:
    prepare(api)
    token = api.data("POST", "/tokens", {"name": "eves", "account_id": 2})["secret"]
    eve = replace(api, token=token)
    refused = eve.call(method, "/accounts/2", body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "own_account")
    assert "their own administrator's account" in refused.json()["error"]["message"]
    assert eve.call(method, "/accounts/1", body).status_code == 200, "another's"
    last = api.call(method, "/accounts/2", body)
    assert (last.status_code, last.json()["error"]["code"]) == (409, "last_administrator")
    assert api.data("GET", "/accounts/2")["role"] == "admin"


def test_the_rest_of_ones_own_account_may_be_changed(api: Api) -> None:
    prepare(api)
    eve = replace(api, token=api.data("POST", "/tokens", {"name": "eves", "account_id": 2})["secret"])
    assert eve.data("PATCH", "/accounts/2", {"display_name": "Eve", "role": "admin"})["display_name"] == "Eve"


def test_a_password_is_taken_away_and_its_browsers_are_signed_out(api: Api, store: Store) -> None:
    prepare(api)
    signed_in(store, 2, "a", "b")
    left = api.data("DELETE", "/accounts/2/password")
    assert left == {"has_password": False, "sessions": 0, "seen_at": None}
    assert not store.has_password(2)
    assert store.list_sessions(2) == []
    assert api.data("DELETE", "/accounts/2/password") == left, "there is none any more"
    assert [row.action for row in store.audit_page(limit=2)].count("account.password_cleared") == 1


def test_browsers_are_signed_out_and_the_password_stays(api: Api, store: Store) -> None:
    prepare(api)
    signed_in(store, 2, "a", "b")
    signed_in(store, 1, "c")
    assert api.data("DELETE", "/accounts/2/sessions") == {"has_password": True, "sessions": 0, "seen_at": None}
    assert (store.list_sessions(2), len(store.list_sessions(1))) == ([], 1)
    assert store.audit_page(limit=1)[0].action == "account.sessions_ended"


@pytest.mark.parametrize("part", ["password", "sessions"])
def test_of_an_account_that_is_not_there(api: Api, part: str) -> None:
    assert api.call("DELETE", f"/accounts/99/{part}").status_code == 404


def test_passwords_that_stay(api: Api, store: Store) -> None:
    """One's own, and that of the first account, whose setup address would be good again."""
    prepare(api)
    eve = replace(api, token=api.data("POST", "/tokens", {"name": "eves", "account_id": 2})["secret"])
    for account_id, code in ((2, "own_account"), (1, "first_account")):
        signed_in(store, account_id)
        refused = eve.call("DELETE", f"/accounts/{account_id}/password")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, code)
        assert store.has_password(account_id)
    assert eve.call("DELETE", "/accounts/2/sessions").status_code == 200


def test_the_audit_trail_is_filtered(api: Api) -> None:
    prepare(api)
    eve = replace(api, token=api.data("POST", "/tokens", {"name": "eves", "account_id": 2})["secret"])
    eve.data("PATCH", "/accounts/2", {"display_name": "Eve"})
    (row,) = api.data("GET", "/audit", actor="(eves)")
    assert row["after"] == {"display_name": "Eve"}
    assert api.data("GET", "/audit", actor="(eves)", until="2000-01-01T00:00:00Z") == []
    assert api.data("GET", "/audit", actor="(eves)", since="2000-01-01T00:00:00Z") == [row]
    assert api.call("GET", "/audit", since="soon").status_code == 400
