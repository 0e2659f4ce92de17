"""Why did it go there? A request that was failed over, as operator, caller, dry run and metrics tell it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.callers import CALLERS, JSON_TYPE, bearer
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.office import opened
from tests.live.test_endpoints import OK
from tests.live.upstream import Upstream, json_answer, until
from tests.live.wire import Connection, Reply
from tests.servers.redis import RedisServer

MODEL = "explained"
ADMIN = "operators-own-admin-token-0001"
BUSY = json_answer({"error": {"message": "overloaded", "type": "server_error"}}, status=503)


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Two channels to the same upstream, the first with two credentials."""
    shared = {"kind": "openai", "base_url": f"{upstream.origin}/v1"}
    channels = [
        {
            "name": "first", "priority": 1, "models": {MODEL: "up.first"}, **shared,
            "credentials": [{"name": "one", "api_key": "k-1"}, {"name": "two", "api_key": "k-2"}],
        },
        {"name": "second", "priority": 2, "models": {MODEL: "up.second"}, "api_key": "k-3", **shared},
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("explained")
    with Gateway(folder, channels=channels, environment={"TOROUTER_ADMIN_TOKEN": ADMIN}) as running:
        yield running


def ask(gateway: Gateway, method: str, path: str, token: str, body: object = None) -> Reply:
    content = b"" if body is None else json.dumps(body).encode()
    with Connection(gateway.port) as connection:
        return connection.ask(method, path, (*bearer(token), JSON_TYPE), content)


@pytest.fixture(scope="module")
def request_id(gateway: Gateway, upstream: Upstream) -> str:
    """Of a request that the first channel did not serve, and the second did."""
    upstream.script("up.first", BUSY)
    upstream.script("up.second", OK)
    caller = CALLERS["openai-chat"]
    with Connection(gateway.port) as connection:
        reply = connection.ask(
            "POST", caller.target(MODEL), (*bearer(FIRST_KEY), JSON_TYPE), caller.encode(MODEL)
        )  # fmt: skip
    assert reply.status == 200
    found = reply.header("x-request-id")
    assert found is not None
    return found


def test_the_caller_sees_what_happened_and_not_where(gateway: Gateway, request_id: str) -> None:
    reply = ask(gateway, "GET", f"/v1/requests/{request_id}", FIRST_KEY)
    assert reply.status == 200
    told = reply.json()
    assert (told["id"], told["model"], told["status"], told["outcome"]) == (request_id, MODEL, 200, "ok")
    first, second = told["attempts"]
    assert (first["status"], first["left_for"], first["model"]) == (503, "overloaded", None)
    assert (second["status"], second["left_for"], second["outcome"]) == (200, None, "ok")
    for hidden in (b"first", b"up.second", b"one", b"two"):
        assert b'"%b"' % hidden not in reply.body


def test_another_account_sees_nothing(gateway: Gateway, request_id: str) -> None:
    with opened(gateway) as office:
        other, _ = office.key(office.account())
        office.settle()
    reply = ask(gateway, "GET", f"/v1/requests/{request_id}", other)
    assert (reply.status, reply.json()["error"]["code"]) == (404, "request_not_found")


def test_the_operator_sees_who_was_asked_and_why(gateway: Gateway, request_id: str) -> None:
    def look() -> Reply:
        return ask(gateway, "GET", f"/admin/v1/requests/{request_id}", ADMIN)

    assert until(lambda: look().status == 200, 5)
    first, second = look().json()["data"]["attempts"]
    assert (first["channel"], first["left_for"], first["status"]) == ("first", "overloaded", 503)
    assert first["credential"] in ("one", "two")
    assert (second["channel"], second["picked"], second["left_for"]) == ("second", "next", "")
    assert first["picked"]
    shown = gateway.run("usage", "show", request_id)
    assert "overloaded" in shown
    assert "second" in shown


def test_a_dry_run_names_candidates_and_reasons(gateway: Gateway, request_id: str) -> None:
    found = ask(gateway, "POST", "/admin/v1/explain", ADMIN, {"model": MODEL}).json()["data"]
    everybody: list[dict[str, Any]] = [*found["candidates"], *found["others"]]
    assert {(each["channel"], each["credential"]) for each in everybody} >= {("first", "one"), ("first", "two")}
    assert found["candidates"][-1]["channel"] == "second"
    nobody = ask(gateway, "POST", "/admin/v1/explain", ADMIN, {"model": "nothing"}).json()["data"]
    assert nobody["candidates"] == []
    assert all(each["why"] for each in nobody["others"])


def test_the_command_explains_without_and_with_the_gateway(gateway: Gateway, request_id: str) -> None:
    config = ("--config", str(gateway.folder / "torouter.yaml"))
    offline = json.loads(gateway.run("explain", MODEL, *config, "--json"))
    assert [each["channel"] for each in offline["candidates"]] == ["first", "first", "second"]
    assert offline["answered_by"] == ""
    asked = json.loads(gateway.run("explain", MODEL, "--url", gateway.url, "--json"))
    assert f"pid {gateway.pid}" in asked["answered_by"]
    assert "second" in gateway.run("explain", MODEL, "--url", gateway.url)


def test_health_and_metrics_show_it(gateway: Gateway, request_id: str) -> None:
    [first, second] = ask(gateway, "GET", "/admin/v1/health", ADMIN).json()["data"]["channels"]
    assert [report["requests"] for report in first["models"]] == [1]
    assert (first["models"][0]["failures_in_row"], second["held"], second["in_flight"]) == (1, [], 0)
    text = ask(gateway, "GET", "/metrics", FIRST_KEY).body.decode()
    for channel, picked, outcome, left_for in (
        ("first", first_pick(text), "upstream_error", "overloaded"), ("second", "next", "ok", "")
    ):  # fmt: skip
        labels = f'channel="{channel}",left_for="{left_for}",outcome="{outcome}",picked="{picked}"'
        assert f"torouter_attempts_total{{{labels}}} 1.0" in text
    assert MODEL not in text
    [after] = ask(gateway, "POST", "/admin/v1/health/reset", ADMIN, {"channel": "first"}).json()["data"]["channels"]
    assert after["held"] == []


def test_processes_share_what_they_notice(upstream: Upstream, tmp_path: Path, redis_server: RedisServer) -> None:
    upstream.script("up.shared", json_answer({"error": {"message": "no such key"}}, status=401))
    channel = {
        "name": "shared", "kind": "openai", "base_url": f"{upstream.origin}/v1", "api_key": "k",
        "models": {MODEL: "up.shared"},
    }  # fmt: skip

    def held(gateway: Gateway) -> list[str]:
        [told] = ask(gateway, "GET", "/admin/v1/health", ADMIN).json()["data"]["channels"]
        return [note["blame"] for note in told["held"]]

    more: dict[str, Any] = {"environment": {"TOROUTER_ADMIN_TOKEN": ADMIN}, "redis": {"url": redis_server.url}}
    with (
        Gateway(tmp_path / "one", channels=[channel], **more) as one,
        Gateway(tmp_path / "other", channels=[channel], **more) as other,
    ):
        caller = CALLERS["openai-chat"]
        ask(one, "POST", caller.target(MODEL), FIRST_KEY, json.loads(caller.encode(MODEL)))
        assert held(one) == ["credential"]
        assert until(lambda: held(other) == ["credential"], 5)
        ask(other, "POST", "/admin/v1/health/reset", ADMIN, {"channel": "shared"})
        assert held(other) == []
        assert until(lambda: held(one) == [], 5)


def first_pick(text: str) -> str:
    """Why the first channel was picked: by weight, or as the one that had rested."""
    return next(word for word in ("rested", "weight") if f'outcome="upstream_error",picked="{word}"' in text)
