"""What was used, as rows, sums and a file."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.console.admin.desk import Api, entry
from torouter.store import Entry, Store

HOUR_MS = 3_600_000
START_MS = 1_796_000_000_000


@pytest.fixture
def used(store: Store) -> Store:
    """2500 requests, one a second, of two keys and two models; every tenth failed."""
    entries = [
        entry(
            number,
            at_ms=START_MS + number * 1000,
            key_id=1 + number % 2,
            model="gpt-5" if number % 5 else "=cmd()",
            status=200 if number % 10 else 502,
            outcome="ok" if number % 10 else "failed",
            cost_nusd=number,
        )
        for number in range(2500)
    ]
    store.write_entries(entries)
    return store


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_rows_come_page_by_page(api: Api, used: Store) -> None:
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 999}
    while True:
        page = api.call("GET", "/usage", **query).json()
        seen += [row["request_id"] for row in page["data"]]
        if page["next"] is None:
            break
        query["before"] = page["next"]
    assert seen == [f"req_{number:024x}" for number in reversed(range(2500))]


def test_filters(api: Api, used: Store) -> None:
    def count(**query: Any) -> int:
        return int(api.data("GET", "/usage/totals", **query)["requests"])

    assert count() == 2500
    assert count(key_id=1) == 1250
    assert count(model="=cmd()") == 500
    assert count(status=502) == count(status="5xx") == 250
    assert count(status="4xx") == count(status=404) == 0
    lines = api.call("GET", "/usage/export.csv", status="5xx").text.splitlines()
    assert len(lines) == 251
    for wrong in ("6xx", "2xx", "xx", "1000", "-1", "5XX", "50x", ""):
        refused = api.call("GET", "/usage", status=wrong)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "status"), wrong
    assert "expected an HTTP status such as 429, or a class of them, 4xx or 5xx" in refused.json()["error"]["message"]
    assert count(outcome="failed", key_id=2) == 0
    assert count(channel="other") == 0
    assert count(account_id=2) == 0
    assert count(since="2026-11-30T00:53:20Z", until="2026-11-30T00:53:30Z") == 10


def test_totals_are_exact(api: Api, used: Store) -> None:
    totals = api.data("GET", "/usage/totals")
    assert totals["cost_usd"] == f"0.{sum(range(2500)):09d}".rstrip("0")
    assert (totals["input_tokens"], totals["output_tokens"]) == (25_000, 12_500)
    models = api.data("GET", "/usage/models")
    assert [one["model"] for one in models] == ["gpt-5", "=cmd()"]
    assert sum(one["totals"]["requests"] for one in models) == 2500
    for step in ("hour", "day"):
        points = api.data("GET", "/usage/series", step=step)
        assert sum(point["totals"]["requests"] for point in points) == 2500


def test_the_file_has_every_request(api: Api, used: Store) -> None:
    answer = api.call("GET", "/usage/export.csv", since="2026-11-01T00:00:00Z", until="2026-12-01T00:00:00Z")
    assert answer.headers["content-disposition"] == 'attachment; filename="usage-2026-11-01_2026-12-01.csv"'
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = rows_of(answer.text)
    assert [row["request_id"] for row in rows] == [f"req_{number:024x}" for number in reversed(range(2500))]
    assert rows[0]["cost_usd"] == "0.000002499"
    assert rows[0]["at"] == "2026-11-30T01:34:59Z"


def test_the_file_obeys_the_filters(api: Api, used: Store) -> None:
    rows = rows_of(api.call("GET", "/usage/export.csv", key_id=1, status=200).text)
    assert len(rows) == 1000
    assert {(row["key_id"], row["status"]) for row in rows} == {("1", "200")}


def test_an_empty_file_has_its_heads(api: Api) -> None:
    answer = api.call("GET", "/usage/export.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="usage-all_now.csv"'
    assert answer.text.startswith("id,request_id,at,account_id,key_id,")
    assert rows_of(answer.text) == []


@pytest.mark.parametrize(
    "model", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", 'a"b,c', "line\nbreak", "plain", "ünïcode"]
)
def test_no_cell_is_a_formula(api: Api, store: Store, model: str) -> None:
    store.write_entries([entry(0, model=model)])
    (row,) = rows_of(api.call("GET", "/usage/export.csv").text)
    assert row["model"] == (f"'{model}" if model[0] in "=+-@\t\r" else model)


def test_a_request_is_found_by_its_id(api: Api, used: Store) -> None:
    found = api.data("GET", f"/requests/req_{7:024x}")
    assert found["usage"]["cost_usd"] == "0.000000007"
    (attempt,) = found["attempts"]
    assert (attempt["attempt"], attempt["channel"], attempt["cost_usd"]) == (1, "main", "0.000000007")


def test_a_request_shows_who_was_asked_and_why_each_was_left(api: Api, store: Store) -> None:
    one = entry(1)
    [served] = one.attempts
    first = served._replace(credential="a", picked="weight", left_for="rate_limited", status=429, amount_nusd=0)
    second = served._replace(attempt=2, channel="spare", picked="next", amount_nusd=0, cost_nusd=7)
    store.write_entries([Entry(one.usage, (first, second))])
    told = api.data("GET", f"/requests/{one.usage.request_id}")["attempts"]
    names = ("channel", "credential", "picked", "left_for", "status", "charged_usd", "cost_usd")
    assert [[attempt[name] for name in names] for attempt in told] == [
        ["main", "a", "weight", "rate_limited", 429, "0.00", "0.00"],
        ["spare", "", "next", "", 200, "0.00", "0.000000007"],
    ]
