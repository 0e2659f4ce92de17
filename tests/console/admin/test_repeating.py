"""A `POST` with a name is done once, whoever repeats it to whichever process; without one each is a new one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.console.admin.desk import Api, admin_application, bodies
from torouter.console.admin.site import ENDPOINTS, PREFIX
from torouter.store import Store
from torouter.units import wall_ms

REPEATABLE = [endpoint.name for endpoint in ENDPOINTS if endpoint.method == "POST" and endpoint.shape == "change"]
MONEY = ("/accounts/2/money", {"kind": "top_up", "amount_usd": "5"})
DAY_MS = 24 * 60 * 60 * 1000


@pytest.fixture
def elsewhere(store: Store) -> Iterator[Api]:
    """Another process, as far as it has a memory of its own."""
    with TestClient(admin_application(store)) as client:
        yield Api(client)


def post(api: Api, path: str, body: object, name: str | None = "a") -> Any:
    headers = {"authorization": f"Bearer {api.token}"} | ({} if name is None else {"idempotency-key": name})
    return api.client.post(PREFIX + path, json=body, headers=headers)


@pytest.mark.parametrize("name", REPEATABLE)
def test_every_one_is_done_once(prepared: Api, elsewhere: Api, store: Store, name: str) -> None:
    path, body = bodies()[name]
    before = len(store.audit_page(limit=100))
    first = post(prepared, path, body)
    assert first.status_code == 201, first.text
    done = len(store.audit_page(limit=100))
    assert done > before
    second = post(elsewhere, path, body)
    assert (second.status_code, second.json()) == (201, first.json())
    assert len(store.audit_page(limit=100)) == done
    (row,) = store.audit_page(limit=1)
    assert "idempotency" not in str(row).lower()


def test_at_the_same_time(prepared: Api, elsewhere: Api, store: Store) -> None:
    with ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(lambda api: post(api, *MONEY), [prepared, elsewhere] * 3))
    assert [answer.json()["data"]["balance_usd"] for answer in answers] == ["5.00"] * 6
    assert store.get_account(2).balance_nusd == 5_000_000_000


def test_another_name_no_name_another_path_and_another_token_are_others(prepared: Api, store: Store) -> None:
    path, body = MONEY
    mine = Api(prepared.client, prepared.data("POST", "/tokens", {"name": "mine", "account_id": 1})["secret"])
    for _ in range(2):
        post(prepared, path, body)
        post(prepared, path, body, "b")
        post(prepared, "/accounts/1/money", body)
        post(mine, path, body)
    assert [store.get_account(each).balance_nusd // 10**9 for each in (1, 2)] == [5, 15]
    for _ in range(2):
        post(prepared, path, body, None)
    assert store.get_account(2).balance_nusd == 25 * 10**9


def test_a_name_with_another_body_is_refused(prepared: Api, store: Store) -> None:
    path, body = MONEY
    post(prepared, path, body)
    refused = post(prepared, path, body | {"amount_usd": "6"})
    assert refused.status_code == 422
    error = refused.json()["error"]
    assert (error["type"], error["code"], error["param"]) == (
        "bad_request", "idempotency_key_reused", "Idempotency-Key",
    )  # fmt: skip
    assert store.get_account(2).balance_nusd == 5_000_000_000


def test_what_failed_may_be_tried_again(prepared: Api, store: Store) -> None:
    path, body = "/accounts/2/money", {"kind": "refund", "amount_usd": "5"}
    assert post(prepared, path, body).status_code == 409
    store.move_money(2, "top_up", 7 * 10**9, "")
    assert [post(prepared, path, body).json()["data"]["balance_usd"] for _ in range(2)] == ["2.00"] * 2


def test_after_a_day_it_is_a_new_one(prepared: Api, store: Store) -> None:
    for later_ms, times in ((0, 1), (DAY_MS - 60_000, 1), (DAY_MS + 1, 2)):
        with TestClient(admin_application(store, now_ms=lambda later_ms=later_ms: wall_ms() + later_ms)) as client:  # type: ignore[misc]
            assert post(Api(client), *MONEY).status_code == 201
        assert store.get_account(2).balance_nusd == times * 5_000_000_000


@pytest.mark.parametrize("name", ["", "a" * 201, "a\tb"])
def test_what_is_no_name(prepared: Api, store: Store, name: str) -> None:
    refused = post(prepared, *MONEY, name)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "Idempotency-Key"
    assert store.get_account(2).balance_nusd == 0


def test_the_document_says_where(api: Api) -> None:
    document = api.client.get(f"{PREFIX}/openapi.json").json()
    named = {
        operation["operationId"]: "422" in operation["responses"]
        for methods in document["paths"].values()
        for operation in methods.values()
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation["parameters"])
    }
    assert named == dict.fromkeys(REPEATABLE, True)
