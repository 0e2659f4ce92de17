"""The pages that need no sign-in: what they show, to whom, and under which headers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import get_args

import pytest
from starlette.applications import Starlette
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


def client(*, ready: bool = True, demo: bool = False, address: str = "127.0.0.1") -> TestClient:
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
        is_demo=lambda: demo,
        metrics=lambda: CountersCollector(counters, books, channels),
        lifespan=nothing,
    )
    return TestClient(pages, base_url="http://gateway.example", client=(address, 1))


def test_the_landing_page_names_this_hosts_urls_and_loads_nothing_from_elsewhere() -> None:
    page = client().get("/")
    assert page.status_code == 200
    for url in ("http://gateway.example/v1", "http://gateway.example/v1beta"):
        assert f"<code>{url}</code>" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in page.text.replace("http://gateway.example", "")
    assert client().get("/static/style.css").headers["content-type"].startswith("text/css")


def test_the_demo_is_called_the_demo() -> None:
    assert "built-in demo" in client(demo=True).get("/").text
    assert "built-in demo" not in client(demo=False).get("/").text


def test_what_stands_in_the_host_header_is_escaped() -> None:
    page = client().get("/", headers={"host": 'x"><script>alert(1)</script>'})
    assert "<script>" not in page.text


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


def test_unknown_pages_and_methods() -> None:
    assert client().get("/nowhere").status_code == 404
    assert client().post("/").status_code == 405
