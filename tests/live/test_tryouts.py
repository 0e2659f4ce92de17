"""A test call of an operator, over real sockets: what goes wrong with an upstream is told apart and explained, from a
channel that is not enabled too, and nobody is billed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.live.faults import FIRST, good
from tests.live.gateway import Gateway
from tests.live.provider_errors import error_event, refusal
from tests.live.scripted import BASES, FIRST_TEXT, KINDS, closed_port, plain_port
from tests.live.speech import speech
from tests.live.test_live_channels import ENVIRONMENT, KEY, TOKEN, Admin
from tests.live.upstream import Answer, Upstream, sse_answer, until
from torouter.store import Store, UsageFilter

HTML = Answer(headers=(("content-type", "text/html"),), pieces=(b"<html>Welcome</html>",))
MOVED = Answer(status=301, headers=(("location", "https://elsewhere.example/v1"),))
SILENT = Answer(status=0, ending="stall")
RESET = Answer(status=0, ending="reset")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    upstream = {"connect_s": 5.0, "head_s": 1.5, "first_token_s": 1.5, "idle_s": 1.5}
    folder = tmp_path_factory.mktemp("tryouts")
    channels = [{"name": "house", "kind": "demo"}]
    with Gateway(folder, channels=channels, environment=ENVIRONMENT, upstream=upstream) as running:
        yield running


@pytest.fixture
def admin(gateway: Gateway) -> Admin:
    return Admin(gateway)


def make(admin: Admin, name: str, origin: str, dialect: str = "openai-chat", **more: object) -> int:
    """A channel that is not enabled."""
    base = {"name": name, "kind": KINDS[dialect], "dialects": [dialect], "base_url": origin + BASES[dialect]}
    made = admin.change("POST", "/channels", {"api_key": KEY, "models": [name], "is_enabled": False} | base | more)
    return int(made["id"])


def ask(admin: Admin, channel_id: int, **form: object) -> dict[str, Any]:
    reply = admin.ask("POST", f"/channels/{channel_id}/test", form)
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.json()["data"]
    return found


@pytest.mark.parametrize("dialect", KINDS)
@pytest.mark.parametrize("client", ["own", "anthropic"])
def test_an_upstream_that_works(admin: Admin, upstream: Upstream, dialect: str, client: str) -> None:
    name = f"works.{dialect}.{client}"
    upstream.script(name, good(dialect, True, FIRST))
    channel = make(admin, name, upstream.origin, dialect)
    found = ask(admin, channel, **({} if client == "own" else {"dialect": client}))
    assert (found["finding"], found["status"], found["text"]) == ("ok", 200, FIRST_TEXT)
    assert (found["model"], found["upstream_dialect"]) == (name, dialect)
    assert found["dialect"] == (dialect if client == "own" else client)
    assert found["first_token_ms"] is not None
    assert found["url"].startswith(f"POST {upstream.origin}/")
    visit = upstream.visit(name)
    assert KEY in {visit.header("x-api-key"), visit.header("x-goog-api-key")} | {
        (visit.header("authorization") or "").removeprefix("Bearer ")
    }


@pytest.mark.parametrize(
    ("finding", "answer"),
    [
        ("bad_credential", refusal("openai-chat", "key", 401)),
        ("rate_limited", refusal("openai-chat", "rate", 429, retry_after_s=60)),
        ("overloaded", refusal("openai-chat", "busy", 503)),
        ("server_error", Answer(status=500, pieces=(b"oops",))),
        ("forbidden", Answer(status=403, pieces=(b"{}",))),
        ("not_found", Answer(status=404, pieces=(b"<html>404</html>",))),
        ("redirect", MOVED),
        ("malformed", HTML),
        ("empty", Answer()),
        ("reset", RESET),
        ("no_answer", SILENT),
        ("too_slow", sse_answer(*speech("openai-chat", FIRST).opening, ending="stall")),
        ("cut", replace(sse_answer(*speech("openai-chat", FIRST).frames[:3]), framing="chunked", ending="reset")),
        ("error_in_answer", sse_answer(b"data: " + json.dumps(error_event("openai-chat")).encode() + b"\n\n")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_an_upstream_says(admin: Admin, upstream: Upstream, finding: str, answer: Answer) -> None:
    name = f"says.{finding}"
    upstream.script(name, answer)
    found = ask(admin, make(admin, name, upstream.origin))
    assert (found["finding"], len(upstream.visits(name)) <= 2) == (finding, True), found
    assert KEY not in json.dumps(found)


def test_what_is_no_upstream(admin: Admin) -> None:
    with closed_port() as closed, plain_port() as plain:
        places = {
            "refused": f"http://127.0.0.1:{closed}",
            "tls": f"https://127.0.0.1:{plain}",
            "name_unknown": "http://no-such-host.invalid",
        }
        for finding, origin in places.items():
            found = ask(admin, make(admin, f"is.{finding}", origin))
            assert (found["finding"], found["status"]) == (finding, 0), found
            assert found["message"]


def test_neither_health_nor_bills_hear_of_it(admin: Admin, gateway: Gateway, upstream: Upstream) -> None:
    name = "unheard"
    upstream.script(name, refusal("openai-chat", "key", 401), good("openai-chat", True, FIRST))
    channel = make(admin, name, upstream.origin, is_enabled=True)
    assert ask(admin, channel)["finding"] == "bad_credential"
    fares = next(each for each in admin.ask("GET", "/health").json()["data"]["channels"] if each["channel"] == name)
    assert (fares["held"], fares["models"], fares["in_flight"]) == ([], [], 0)
    assert ask(admin, channel)["finding"] == "ok"
    with Store.open(gateway.data) as store:
        assert store.usage_totals(UsageFilter()).requests == 0
        row = store.audit_page(limit=1)[0]
    assert (row.action, row.after["finding"] if row.after else "") == ("channel.test", "ok")


def test_a_bounded_time(admin: Admin, upstream: Upstream) -> None:
    """Other calls are answered meanwhile."""
    name = "slow"
    upstream.script(name, replace(good("openai-chat", True, FIRST), delay_s=1.0))
    channel = make(admin, name, upstream.origin)
    found = ask(admin, channel)
    assert (found["finding"], found["first_token_ms"] >= 1000, found["took_ms"] < 5000) == ("ok", True, True)


class TestCommand:
    def test_over_a_gateway_and_without(self, admin: Admin, gateway: Gateway, upstream: Upstream) -> None:
        name = "commanded"
        upstream.script(name, good("openai-chat", True, FIRST))
        make(admin, name, upstream.origin)
        for place in ((), ("--url", gateway.url)):
            done = run(gateway, name, *place)
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith("It works. ")
            assert FIRST_TEXT in done.stdout
        assert until(lambda: len(upstream.visits(name)) == 2)

    def test_what_is_wrong_has_a_status_of_its_own(self, admin: Admin, gateway: Gateway, upstream: Upstream) -> None:
        name = "commanded.wrong"
        upstream.script(name, refusal("openai-chat", "key", 401))
        make(admin, name, upstream.origin)
        for place in ((), ("--url", gateway.url)):
            done = run(gateway, name, "--json", *place)
            assert done.returncode == 1
            assert json.loads(done.stdout)["finding"] == "bad_credential"
            assert KEY not in done.stdout + done.stderr

    def test_of_the_configuration(self, gateway: Gateway) -> None:
        config = str(gateway.folder / "torouter.yaml")
        done = run(gateway, "house", "--config", config)
        assert (done.returncode, done.stdout.startswith("It works. ")) == (0, True), done.stderr
        there = run(gateway, "house", "--url", gateway.url)
        assert (there.returncode, "own configuration" in there.stderr) == (1, True), there.stderr

    def test_nobody_is_called_so(self, gateway: Gateway) -> None:
        for place in ((), ("--url", gateway.url)):
            done = run(gateway, "nobody", *place)
            assert (done.returncode, "no channel named nobody" in done.stderr) == (1, True), done.stderr


def run(gateway: Gateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("torouter")
    environment = {"HOME": str(gateway.folder), "TOROUTER_ADMIN_TOKEN": TOKEN, "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [str(command), "channel", "test", *arguments, "--data", str(gateway.data)],
        env=environment, cwd=gateway.folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
