"""The form of answers and refusals, pages, and changes that are not in force yet."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.console.admin.desk import OPERATORS_TOKEN, Api, admin_application
from torouter.console.admin.site import ENDPOINTS, PREFIX
from torouter.store import ProcessRow, Store
from torouter.units import wall_ms

BEARER = {"authorization": f"Bearer {OPERATORS_TOKEN}"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "param", "words"),
    [
        ("POST", "/keys", {}, 400, "name", "name: it is missing."),
        ("POST", "/keys", {"name": "a", "nope": 1}, 400, "nope", "nope: there is no such field."),
        ("POST", "/keys", {"name": " "}, 400, "name", "name: expected text on one line, and not only spaces."),
        ("POST", "/keys", {"name": "a\nb"}, 400, "name", "name: expected text on one line"),
        ("POST", "/keys", {"name": "a" * 101}, 400, "name", "name: Expected `str` of length <= 100."),
        ("POST", "/keys", {"name": "a", "rpm": -1}, 400, "rpm", "rpm: Expected `int` >= 0."),
        ("POST", "/keys", {"name": "a", "rpm": None}, 400, "rpm", "rpm: Expected `int`, got `null`."),
        ("POST", "/keys", {"name": "a", "cap_usd": 5}, 400, "cap_usd", "cap_usd: Expected `str`, got `int`."),
        ("POST", "/keys", {"name": "a", "cap_usd": "-5"}, 400, "cap_usd", "cap_usd: expected US dollars such as 12.50"),
        ("POST", "/keys", {"name": "a", "cap_usd": "1e3"}, 400, "cap_usd", "cap_usd: expected US dollars"),
        ("POST", "/keys", {"name": "a", "ip_deny": ["10.0.0.0/8", "x"]}, 400, "ip_deny[1]", "ip_deny[1]: expected an"),
        ("POST", "/keys", {"name": "a", "ip_deny": ["fe80::1%eth0"]}, 400, "ip_deny[0]", "ip_deny[0]: expected an"),
        ("POST", "/keys", {"name": "a", "models": [""]}, 400, "models[0]", "models[0]: Expected `str` of length >= 1."),
        ("POST", "/keys", {"name": "a", "on_hangup": "stay"}, 400, "on_hangup", "on_hangup: Invalid enum value"),
        ("POST", "/keys", {"name": "a", "expires_at": "soon"}, 400, "expires_at", "expires_at: Invalid RFC3339"),
        (
            "POST", "/keys", {"name": "a", "expires_in_days": 1, "expires_at": None}, 400, "expires_at",
            "expires_at: name either this or expires_in_days, not both.",
        ),
        ("POST", "/keys", {"name": "a", "account_id": 2**63}, 400, None, ""),
        ("POST", "/keys", {"name": "a", "account_id": 99}, 404, None, "There is no account 99"),
        ("POST", "/keys", {"name": "a", "group": "none"}, 404, None, "There is no group named none; the groups are: "),
        ("PATCH", "/keys/77", {"rpm": 1}, 404, None, "There is no key 77"),
        ("PATCH", "/keys/0", {"rpm": 1}, 400, "key_id", "key_id: expected a whole number above 0."),
        ("PATCH", "/keys/x", {"rpm": 1}, 400, "key_id", "key_id: expected a whole number above 0."),
        ("DELETE", "/keys/9223372036854775808", None, 400, "key_id", "key_id: expected a whole number above 0."),
        ("POST", "/groups", {"name": "research"}, 409, None, "There is a group named research already."),
        ("DELETE", "/groups/1", None, 409, None, "The group default stays"),
        ("PATCH", "/groups/1", {"name": "other"}, 409, None, "The group default keeps its name"),
        ("DELETE", "/groups/2", None, 409, None, "Group 2 has keys: move or delete them first."),
        ("POST", "/groups", {"name": "a", "multiplier": "x"}, 400, "multiplier", "multiplier: "),
        (
            "PATCH", "/groups/2", {"defaults": {"cap_usd": "x"}}, 400, "defaults.cap_usd",
            "defaults.cap_usd: expected US dollars",
        ),
        ("POST", "/accounts", {"email": "ada"}, 400, "email", "email: expected an e-mail address such as"),
        ("POST", "/accounts", {"email": "ADA@example.com"}, 409, None, "There is an account with the address ada@"),
        ("POST", "/accounts/1/money", {"amount_usd": "5"}, 400, "kind", "kind: it is missing."),
        ("POST", "/accounts/1/money", {"kind": "gift", "amount_usd": "5"}, 400, "kind", "kind: "),
        (
            "POST", "/accounts/1/money", {"kind": "top_up", "amount_usd": "-5"}, 400, "amount_usd",
            "amount_usd: expected US dollars",
        ),
        (
            "POST", "/accounts/1/money", {"kind": "refund", "amount_usd": "0.000000001"}, 409, None,
            "The balance of account 1 is 0.00 USD: no more can be given back.",
        ),
        ("POST", "/channels", {"name": "a"}, 400, "kind", "kind: it is missing."),
        ("POST", "/channels", {"name": "a", "kind": "nope"}, 400, "kind", "kind: expected one of openai, anthropic"),
        ("POST", "/channels", {"name": "a", "kind": "openai"}, 400, "credentials", "credentials: a channel of kind"),
        (
            "POST", "/channels", {"name": "a", "kind": "openai", "api_key": "a b"}, 400, "api_key",
            "api_key: expected a key of printable ASCII characters without spaces",
        ),
        (
            "POST", "/channels", {"name": "first", "kind": "openai", "api_key": "sk-a"}, 409, None,
            "There is a channel named first already.",
        ),
        (
            "PATCH", "/channels/1", {"deadlines": {"idle_s": -1}}, 400, "deadlines.idle_s",
            "deadlines.idle_s: Expected `float` > 0.",
        ),
        ("PATCH", "/channels/1", {"base_url": "ftp://x"}, 400, "base_url", "base_url: expected"),
        ("PATCH", "/channels/1", {"api_key": "sk-a"}, 400, "api_key", "api_key: there is no such field."),
        ("PATCH", "/channels/77", {"weight": 2}, 404, None, "There is no channel 77."),
        ("POST", "/channels/1/credentials", {"name": "a", "api_key": "k"}, 409, None, "Channel 1 has a credential na"),
        ("DELETE", "/channels/1/credentials/77", None, 404, None, "Channel 1 has no credential 77."),
        ("DELETE", "/channels/1/credentials/x", None, 400, "credential_id", "credential_id: expected a whole number"),
        (
            "PATCH", "/groups/2", {"fallbacks": {"a": {"outage": ["a"]}}}, 400, "fallbacks.a.outage",
            "fallbacks.a.outage: expected models other than a itself.",
        ),
        ("DELETE", "/plans/1", None, 409, None, "Plan 1 has subscriptions"),
        ("PUT", "/subscriptions", {"account_id": 1, "group": "default", "plan_id": 9}, 404, None, "There is no plan 9"),
        ("PATCH", "/subscriptions/9", {}, 404, None, "There is no subscription 9."),
        ("POST", "/prices", {"model": "a", "rates": {"input": 1}}, 400, "rates.input", "rates.input: there is no such"),
        ("DELETE", "/prices/9", None, 404, None, "There is no price 9."),
        ("DELETE", "/tokens/9", None, 404, None, "There is no token 9."),
        ("GET", "/keys?limit=0", None, 400, "limit", "limit: Expected `int` >= 1."),
        ("GET", "/keys?limit=x", None, 400, "limit", "limit: Expected `int`, got `str`."),
        ("GET", "/keys?limit=1&limit=2", None, 400, "limit", "limit: expected it once."),
        ("GET", "/keys?limit=1.5", None, 400, "limit", "limit: Expected `int`, got `str`."),
        ("GET", "/keys?limit=1e99", None, 400, "limit", "limit: "),
        ("GET", "/keys/1e99", None, 400, "key_id", "key_id: expected a whole number above 0."),
        ("GET", "/keys?page=2", None, 400, "page", "page: there is no such field."),
        ("GET", "/groups?page=2", None, 400, "page", "page: there is no such parameter here."),
        ("GET", "/usage?since=2026-11-30", None, 400, "since", "since: "),
        ("GET", "/usage?before=1", None, 400, "before", "before: "),
        ("GET", "/requests/none", None, 404, None, "There is no request none on record."),
        ("GET", "/nowhere", None, 404, None, "There is nothing here."),
        ("GET", "/keys/1/rotate", None, 405, None, "This path does not take GET."),
        ("DELETE", "/usage", None, 405, None, "This path does not take DELETE."),
        ("OPTIONS", "/keys", None, 405, None, "This path does not take OPTIONS."),
    ],
)  # fmt: skip
def test_refusals_name_the_field(
    prepared: Api, method: str, path: str, body: object, status: int, param: str | None, words: str
) -> None:
    answer = prepared.call(method, path, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"] if param else param) == (status, param), error
    assert error["message"].startswith(words)
    assert error.keys() == {"message", "type", "code", "param"}
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"name": "a"}', "text/plain", 415),
        (b'{"name": "a"}', "", 415),
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"name": "a", "rpm": 1' + b"0" * 400 + b"}", "application/json", 400),
        (b'{"name": "\\ud800"}', "application/json", 400),
        (b'{"name": "' + b"a" * 1024 * 1024 + b'"}', "application/json", 413),
        (b'{"name": "a", "rpm": 5.0}', "application/json; charset=utf-8", 201),
    ],
)
def test_bodies(api: Api, content: bytes, kind: str, status: int) -> None:
    answer = api.client.post(f"{PREFIX}/keys", content=content, headers=BEARER | {"content-type": kind})
    assert answer.status_code == status, answer.text


def test_a_fault_is_logged_and_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Store):
        def list_groups(self, **_: Any) -> Any:
            raise ZeroDivisionError("the inside")

    with (
        Broken.open(tmp_path) as store,
        TestClient(admin_application(store)) as client,
        caplog.at_level(logging.ERROR),
    ):
        answer = client.get(f"{PREFIX}/groups", headers=BEARER)
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "internal")
    assert "inside" not in answer.text
    assert "ZeroDivisionError: the inside" in caplog.text


def test_a_store_that_cannot_be_used_is_503(store: Store, tmp_path: Path) -> None:
    with TestClient(admin_application(store)) as client:
        database = tmp_path / "data" / "torouter.db"
        database.write_bytes(b"not a database" * 1000)
        for leftover in ("torouter.db-wal", "torouter.db-shm"):
            database.with_name(leftover).unlink(missing_ok=True)
        store.close()
        answer = client.get(f"{PREFIX}/groups", headers=BEARER)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "torouter.db" not in answer.text


def test_numbers_may_be_written_as_json_schema_has_them(prepared: Api) -> None:
    assert prepared.data("GET", "/keys?limit=1.0&after=1e0") == prepared.data("GET", "/keys?limit=1&after=1")
    assert prepared.data("GET", "/keys/2.0") == prepared.data("GET", "/keys/2")


def test_lists_are_paged(api: Api) -> None:
    for number in range(7):
        api.data("POST", "/keys", {"name": f"key {number}"})
    names: list[str] = []
    cursor: str | None = "0"
    while cursor is not None:
        page = api.call("GET", "/keys", limit=3, after=cursor).json()
        names += [key["name"] for key in page["data"]]
        cursor = page["next"]
    assert names == [f"key {number}" for number in range(7)]


def test_deleted_keys_are_shown_on_demand(api: Api) -> None:
    api.data("POST", "/keys", {"name": "a"})
    api.data("DELETE", "/keys/1")
    assert api.data("GET", "/keys") == []
    (shown,) = api.data("GET", "/keys", deleted="true")
    assert shown["deleted_at"] is not None
    assert api.call("GET", "/keys/1").status_code == 404


def process(revision: int, **changes: Any) -> ProcessRow:
    row = {"id": "p1", "place": "host:4000", "replica": "r1", "started_ms": wall_ms(), "seen_ms": wall_ms()}
    return ProcessRow(**row | changes, revision=revision)


def test_a_change_that_is_not_in_force_everywhere_says_where(store: Store) -> None:
    with TestClient(admin_application(store, confirm_s=0.2)) as client:
        api = Api(client)
        store.beat(process(store.revision() - 1))
        answer = api.call("POST", "/keys", {"name": "a"}).json()
        assert answer["in_force"] is False
        assert [one["place"] for one in answer["waiting_for"]] == ["host:4000"]
        assert api.data("GET", "/processes")[0]["id"] == "p1"
        store.beat(process(store.revision() + 1))
        answer = api.call("PATCH", "/keys/1", {"rpm": 1}).json()
        assert (answer["in_force"], answer["waiting_for"]) == (True, [])


def test_the_document_describes_every_endpoint(api: Api) -> None:
    document = api.client.get(f"{PREFIX}/openapi.json").json()
    described = {
        (method.upper(), path.removeprefix(PREFIX)) for path, methods in document["paths"].items() for method in methods
    }
    assert described == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    assert document["openapi"].startswith("3.1")
    assert document["security"] == [{"admin": []}]
    known = document["components"]["schemas"]
    used = {name.partition('"')[0] for name in json.dumps(document).split("#/components/schemas/")[1:]}
    assert used == known.keys()
