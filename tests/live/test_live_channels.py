"""Channels that are made, changed and deleted while a gateway serves: in force for the very next request, in every
worker, and with no key on the disk that somebody could read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.callers import CALLERS, JSON_TYPE, bearer
from tests.live.conftest import Launch
from tests.live.gateway import Gateway
from tests.live.test_endpoints import OK
from tests.live.upstream import Upstream
from tests.live.wire import Connection, Reply
from tests.servers.redis import RedisServer

TOKEN = "an-admin-token-for-tests-only"
KEY = "sk-the-key-of-a-live-channel-4321"
OTHER_KEY = "sk-another-key-of-that-channel-8765"
ENVIRONMENT = {"TOROUTER_ADMIN_TOKEN": TOKEN}


class Admin:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def ask(self, method: str, path: str, body: object = None) -> Reply:
        content = None if body is None else json.dumps(body).encode()
        with Connection(self._gateway.port) as connection:
            return connection.ask(method, f"/admin/v1{path}", (*bearer(TOKEN), JSON_TYPE), content)

    def change(self, method: str, path: str, body: object = None) -> Any:
        reply = self.ask(method, path, body)
        told = reply.json()
        assert reply.status in (200, 201), told
        assert told["in_force"] is True, told
        return told["data"]


def chat(gateway: Gateway, model: str) -> Reply:
    caller = CALLERS["openai-chat"]
    with Connection(gateway.port) as connection:
        return connection.ask("POST", caller.target(model), (*bearer(), JSON_TYPE), caller.encode(model))


def models(gateway: Gateway, path: str = "/v1/models", *headers: tuple[str, str]) -> Any:
    with Connection(gateway.port) as connection:
        return connection.ask("GET", path, (*bearer(), *headers)).json()


def to(upstream: Upstream, name: str, **more: object) -> dict[str, object]:
    spec = {"name": name, "kind": "openai", "base_url": f"{upstream.origin}/v1", "api_key": KEY}
    return spec | {"dialects": ["openai-chat"]} | more


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """One that was told of no channel."""
    with Gateway(tmp_path / "gateway", environment=ENVIRONMENT) as running:
        yield running


def test_the_life_of_a_channel(gateway: Gateway, upstream: Upstream) -> None:
    admin = Admin(gateway)
    upstream.script("up-live", *[OK] * 9)
    assert chat(gateway, "gpt-5").status == 200, "the demo"
    channel = admin.change("POST", "/channels", to(upstream, "live", models={"live": "up-live"}))
    path = f"/channels/{channel['id']}"
    assert chat(gateway, "live").json() == {"ok": True}
    assert upstream.visits("up-live")[-1].header("authorization") == f"Bearer {KEY}"
    assert chat(gateway, "gpt-5").status == 404, "no demo beside a channel"
    admin.change("PATCH", path, {"models": {"live-2": "up-live", "prefixed/live": "up-live"}})
    assert [chat(gateway, model).status for model in ("live-2", "prefixed/live", "live")] == [200, 200, 404]
    assert [each["id"] for each in models(gateway)["data"]] == ["live-2", "prefixed/live"]
    assert [each["name"] for each in models(gateway, "/v1beta/models")["models"]] == [
        "models/live-2",
        "models/prefixed/live",
    ]
    paged = models(gateway, "/v1/models?limit=1", ("anthropic-version", "2023-06-01"))
    assert ([each["id"] for each in paged["data"]], paged["has_more"]) == (["live-2"], True)
    admin.change("PATCH", path, {"is_enabled": False})
    assert chat(gateway, "live-2").status == 404
    assert models(gateway)["data"] == []
    admin.change("PATCH", path, {"is_enabled": True, "groups": ["others"]})
    assert chat(gateway, "live-2").status == 404
    admin.change("PATCH", path, {"groups": []})
    assert chat(gateway, "live-2").status == 200
    admin.change("DELETE", path)
    assert chat(gateway, "live-2").status == 404
    assert chat(gateway, "gpt-5").status == 200, "the demo again"


def test_a_bad_change_is_refused_whole(gateway: Gateway, upstream: Upstream) -> None:
    admin = Admin(gateway)
    upstream.script("up-bad", *[OK] * 3)
    made = admin.change("POST", "/channels", to(upstream, "live", models={"bad": "up-bad"}))
    for change, param in (
        ({"models": {"new": "up-bad"}, "base_url": "ftp://x"}, "base_url"),
        ({"models": {"new": "up-bad"}, "kind": "nope"}, "kind"),
        ({"models": {"new": "up-bad"}, "base_url": None, "dialects": ["gemini"]}, "dialects"),
        ({"models": {"new": "up-bad"}, "deadlines": {"idle_s": "soon"}}, "deadlines.idle_s"),
    ):
        reply = admin.ask("PATCH", f"/channels/{made['id']}", change)
        assert (reply.status, reply.error["param"]) == (400, param), reply.body
        assert chat(gateway, "new").status == 404
    assert admin.ask("GET", f"/channels/{made['id']}").json()["data"] == made
    assert chat(gateway, "bad").status == 200


def test_keys_are_replaced_and_nowhere_to_be_read(gateway: Gateway, upstream: Upstream) -> None:
    admin = Admin(gateway)
    upstream.script("up-key", *[OK] * 4)
    made = admin.change("POST", "/channels", to(upstream, "live", models={"key": "up-key"}))
    (credential,) = made["credentials"]
    path = f"/channels/{made['id']}/credentials"
    admin.change("PATCH", f"{path}/{credential['id']}", {"api_key": OTHER_KEY})
    assert chat(gateway, "key").status == 200
    assert upstream.visits("up-key")[-1].header("authorization") == f"Bearer {OTHER_KEY}"
    told = admin.ask("GET", "/audit").body + admin.ask("GET", "/channels").body
    log = gateway.log.read_bytes()
    files = b"".join(each.read_bytes() for each in gateway.data.rglob("torouter.db*"))
    with sqlite3.connect(gateway.data / "torouter.db") as store:
        files += "".join(store.iterdump()).encode()
    store.close()
    for secret in (KEY, OTHER_KEY):
        for place in (told, log, files):
            assert secret.encode() not in place
            assert secret[3:-4].encode() not in place
    assert b"channel.edit_credential" in told


def test_every_worker_serves_by_it(launch: Launch, upstream: Upstream, redis_server: RedisServer) -> None:
    upstream.script("up-file", OK)
    upstream.script("up-many", *[OK] * 40)
    file = to(upstream, "file", models={"filed": "up-file"})
    gateway = launch(channels=[file], workers=2, redis={"url": redis_server.url}, environment=ENVIRONMENT)
    admin = Admin(gateway)
    made = admin.change("POST", "/channels", to(upstream, "live", models={"many": "up-many"}))
    assert {chat(gateway, "many").status for _ in range(12)} == {200}
    admin.change("PATCH", f"/channels/{made['id']}", {"is_enabled": False})
    assert {chat(gateway, "many").status for _ in range(12)} == {404}
    assert chat(gateway, "filed").status == 200
    refused = admin.ask("POST", "/channels", to(upstream, "file"))
    assert refused.status == 409
    assert "torouter.yaml" in str(refused.error["message"])
    listed: Any = admin.ask("GET", "/channels").json()["data"]
    assert [(each["id"], each["name"]) for each in listed] == [(made["id"], "live"), (None, "file")]


def test_the_command_line_does_the_same(gateway: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that another secret sealed leaves its channel out, and the gateway serves on."""
    upstream.script("up-cli", OK)
    monkeypatch.setitem(gateway._environment, "UP_KEY", KEY)
    options = ("--kind", "openai", "--base-url", f"{upstream.origin}/v1", "--dialects", "openai-chat")
    gateway.run("channel", "create", "cli", *options, "--key", "env:UP_KEY", "--models", "cli=up-cli")
    assert chat(gateway, "cli").status == 200
    with sqlite3.connect(gateway.data / "torouter.db") as store:
        store.execute("UPDATE channel_credentials SET sealed = x'00'")
    store.close()
    gateway.run("channel", "edit", "1", "--weight", "2")
    assert chat(gateway, "cli").status == 404
    assert "channel left out channel=cli" in gateway.log_text()
    monkeypatch.setitem(gateway._environment, "UP_KEY", OTHER_KEY)
    upstream.script("up-cli", OK)
    gateway.run("channel", "credential", "replace", "1", "default", "--key", "env:UP_KEY")
    assert chat(gateway, "cli").status == 200
