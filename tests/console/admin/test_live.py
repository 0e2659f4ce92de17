"""The API of a gateway that serves: what it changes holds for the very next request."""

from __future__ import annotations

import csv
import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.console.admin.desk import OPERATORS_TOKEN
from tests.live.gateway import Gateway


@dataclass
class Told:
    status: int
    headers: Any
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)["data"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    environment = {"TOROUTER_ADMIN_TOKEN": OPERATORS_TOKEN}
    with Gateway(tmp_path_factory.mktemp("gateway"), environment=environment) as running:
        yield running


def ask(gateway: Gateway, method: str, path: str, body: object = None, token: str = OPERATORS_TOKEN) -> Told:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(gateway.url + path, content, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Told(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return Told(refused.code, refused.headers, refused.read())


def chat(gateway: Gateway, key: str) -> Told:
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": "hi"}]}
    return ask(gateway, "POST", "/v1/chat/completions", body, key)


def test_an_edit_holds_for_the_next_request(gateway: Gateway) -> None:
    made = ask(gateway, "POST", "/admin/v1/keys", {"name": "ci"})
    assert made.status == 201
    assert json.loads(made.body)["in_force"] is True
    secret, key = made.data["secret"], f"/admin/v1/keys/{made.data['key']['id']}"
    for change, status in (
        ({}, 200),
        ({"status": "disabled"}, 401),
        ({"status": "enabled"}, 200),
        ({"ip_deny": ["127.0.0.0/8"]}, 403),
        ({"ip_deny": []}, 200),
        ({"models": ["claude-opus-4-7"]}, 403),
        ({"models": []}, 200),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 403),
        ({"expires_at": None}, 200),
    ):
        assert ask(gateway, "PATCH", key, change).status == 200
        assert chat(gateway, secret).status == status, change
    assert ask(gateway, "DELETE", key).status == 200
    assert chat(gateway, secret).status == 401


def test_what_was_used_is_shown(gateway: Gateway) -> None:
    made = ask(gateway, "POST", "/admin/v1/keys", {"name": "used"}).data
    key_id = made["key"]["id"]
    request_id = chat(gateway, made["secret"]).headers["x-request-id"]
    deadline = time.monotonic() + 20
    while ask(gateway, "GET", f"/admin/v1/requests/{request_id}").status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    found = ask(gateway, "GET", f"/admin/v1/requests/{request_id}").data
    assert (found["usage"]["key_id"], found["usage"]["status"], len(found["attempts"])) == (key_id, 200, 1)
    assert ask(gateway, "GET", f"/admin/v1/usage/totals?key_id={key_id}").data["requests"] == 1
    file = ask(gateway, "GET", f"/admin/v1/usage/export.csv?key_id={key_id}")
    (row,) = csv.DictReader(io.StringIO(file.body.decode()))
    assert (row["request_id"], row["model"]) == (request_id, "gpt-5")


def test_many_changes_at_once_are_all_in_force(gateway: Gateway) -> None:
    """More than there are threads: none of them waits for what its own waiting holds up."""
    with ThreadPoolExecutor(40) as callers:
        paths = ["/admin/v1/keys"] * 40
        answers = list(callers.map(lambda path: ask(gateway, "POST", path, {"name": "many"}), paths))
    assert [answer.status for answer in answers] == [201] * 40
    assert [json.loads(answer.body)["in_force"] for answer in answers] == [True] * 40


def test_every_answer_has_a_request_id_and_who_asked_is_known(gateway: Gateway) -> None:
    for method, path, status in (
        ("GET", "/admin/v1/groups", 200),
        ("HEAD", "/admin/v1/groups", 200),
        ("HEAD", "/admin/v1/usage/export.csv", 200),
        ("PUT", "/admin/v1/groups", 405),
        ("GET", "/admin/v1/nowhere", 404),
        ("GET", "/admin/v1/openapi.json", 200),
    ):
        told = ask(gateway, method, path)
        assert (told.status, told.headers["x-request-id"][:4]) == (status, "req_"), path
        assert told.headers["cache-control"] == "no-store"
    ask(gateway, "POST", "/admin/v1/groups", {"name": "research"})
    row = ask(gateway, "GET", "/admin/v1/audit?limit=1").data[0]
    assert (row["actor"], row["address"], row["action"]) == ("TOROUTER_ADMIN_TOKEN", "127.0.0.1", "group.create")


def test_an_api_key_is_no_admin_token(gateway: Gateway) -> None:
    assert ask(gateway, "GET", "/admin/v1/keys", token=gateway.key).status == 401
