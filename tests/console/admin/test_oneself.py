"""Over HTTP, too, no administrator ends their own rights, nor the last one's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.console.admin.desk import Api, prepare

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


def test_the_audit_trail_is_filtered(api: Api) -> None:
    prepare(api)
    eve = replace(api, token=api.data("POST", "/tokens", {"name": "eves", "account_id": 2})["secret"])
    eve.data("PATCH", "/accounts/2", {"display_name": "Eve"})
    (row,) = api.data("GET", "/audit", actor="(eves)")
    assert row["after"] == {"display_name": "Eve"}
    assert api.data("GET", "/audit", actor="(eves)", until="2000-01-01T00:00:00Z") == []
    assert api.data("GET", "/audit", actor="(eves)", since="2000-01-01T00:00:00Z") == [row]
    assert api.call("GET", "/audit", since="soon").status_code == 400
