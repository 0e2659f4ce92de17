"""The pages that need no sign-in: what they show, to whom, and under which headers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import get_args

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.testclient import TestClient

from tests.console.admin.desk import entry
from tests.house.project import ROOT
from torouter.channels import KINDS, Channel, Credential
from torouter.console.pages import make_pages
from torouter.ledger.books import Books
from torouter.relay.counters import Counters
from torouter.relay.metrics import Channels, CountersCollector
from torouter.routing.planner import Planner, Reason
from torouter.routing.snapshot import Snapshot
from torouter.units import Secret


@asynccontextmanager
async def nothing(_: Starlette) -> AsyncIterator[None]:
    yield


async def a_page(_: Request) -> Response:
    return HTMLResponse("a page", 404)


def client(*, ready: bool = True, address: str = "127.0.0.1") -> TestClient:
    counters = Counters()
    counters.requests["openai-chat", "chat", 200] += 3
    counters.fallbacks["outage"] += 1
    [attempt] = entry(0).attempts
    counters.attempted([attempt._replace(outcome="timeout", left_for="stalled", first_token_ms=300)])
    counters.attempted([attempt._replace(picked="again"), attempt._replace(picked="hedge")])
    books = Books(lambda _entries, _segment: {})
    for number in range(7):
        books.settle(entry(number))
    served = Channel(name="main", kind=KINDS["openai"], credentials=(Credential(secret=Secret("sk-up")),))
    channels = Channels(Planner(lambda: 0.0), lambda: Snapshot(channels=(served,)), lambda: 0.0, lambda _: 4)
    pages = make_pages(
        health=lambda: "ready" if ready else "starting",
        metrics=lambda: CountersCollector(counters, books, channels),
        lifespan=nothing,
        nothing_here=a_page,
    )
    return TestClient(pages, base_url="http://gateway.example", client=(address, 1))


def test_health_and_readiness() -> None:
    assert client().get("/healthz").json()["status"] == "ok"
    assert client().get("/readyz").status_code == 200
    assert client(ready=False).get("/readyz").status_code == 503


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_metrics_are_for_this_machine(address: str) -> None:
    text = client(address=address).get("/metrics").text
    assert 'torouter_requests_total{dialect="openai-chat",operation="chat",status="200"} 3.0' in text
    assert "torouter_usage_rows_waiting 7.0" in text


def test_metrics_tell_of_attempts_and_channels() -> None:
    lines = client().get("/metrics").text.splitlines()
    for line in (
        'torouter_attempts_total{channel="main",left_for="stalled",outcome="timeout",picked=""} 1.0',
        'torouter_attempts_total{channel="main",left_for="",outcome="ok",picked="hedge"} 1.0',
        "torouter_retries_total 1.0",
        "torouter_hedges_total 1.0",
        'torouter_fallbacks_total{cause="outage"} 1.0',
        'torouter_first_token_seconds_bucket{channel="main",le="0.25"} 0.0',
        'torouter_first_token_seconds_bucket{channel="main",le="0.5"} 1.0',
        'torouter_first_token_seconds_sum{channel="main"} 0.3',
        'torouter_channel_in_flight{channel="main"} 0.0',
        'torouter_channel_waiting{channel="main"} 4.0',
        'torouter_channel_models{channel="main",state="open"} 0.0',
    ):
        assert line in lines


def test_the_page_on_observing_has_every_metric() -> None:
    kinds = re.findall(r"^# TYPE (\w+) (\w+)$", client().get("/metrics").text, re.MULTILINE)
    names = {name.removesuffix("_total") for name, _ in kinds if not name.endswith("_created")}
    rows = re.findall(r"^\| (`torouter_.+?) \|", (ROOT / "docs" / "observing.md").read_text("utf-8"), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == names


def test_the_page_on_observing_has_every_reason() -> None:
    text = (ROOT / "docs" / "observing.md").read_text("utf-8")
    table = text.partition("`picked` is one of these words:")[2].partition("## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(get_args(Reason))


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("10.0.0.9", {}),
        ("127.0.0.1", {"x-forwarded-for": "10.0.0.9"}),
        ("127.0.0.1", {"forwarded": "for=10.0.0.9"}),
        ("", {}),
    ],
)
def test_metrics_are_for_nobody_else(address: str, headers: dict[str, str]) -> None:
    assert client(address=address).get("/metrics", headers=headers).status_code == 404


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/plain, text/htmlx"])
def test_programs_are_told_in_json_that_there_is_nothing(accept: str) -> None:
    answer = client().get("/nowhere", headers={"accept": accept})
    assert answer.status_code == 404
    assert answer.json() == {"error": {"message": "There is nothing here.", "type": "not_found"}}


def test_people_are_shown_a_page() -> None:
    for path in ("/nowhere", "/admin/nowhere", "/admin/v10", "/static/style.css", "/%00"):
        answer = client().get(path, headers={"accept": BROWSER})
        assert (answer.status_code, answer.text) == (404, "a page"), path
    assert client().head("/nowhere", headers={"accept": BROWSER}).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(("method", "path"), [("POST", "/nowhere"), ("GET", "/admin/v1"), ("GET", "/admin/v1/nowhere")])
def test_what_only_programs_call_stays_json(method: str, path: str) -> None:
    answer = client().request(method, path, headers={"accept": BROWSER})
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")


def test_metrics_that_are_hidden_look_like_nothing() -> None:
    hidden = client(address="10.0.0.9").get("/metrics", headers={"accept": BROWSER})
    assert (hidden.status_code, hidden.json()["error"]["type"]) == (404, "not_found")


def test_other_methods_are_refused() -> None:
    for path in ("/healthz", "/robots.txt"):
        assert client().post(path).status_code == 405


def test_robots_are_sent_away() -> None:
    answer = client().get("/robots.txt")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.splitlines() == ["User-agent: *", "Disallow: /"]
