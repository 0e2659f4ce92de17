"""How operators find requests, and what they see of one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.console.admin.desk import entry
from tests.console.portal.lobby import Browser, Lobby
from torouter.accounts.office import usage
from torouter.accounts.office.forms import UsageQuery
from torouter.console.portal.views.operator import requests
from torouter.ledger.cost import Cost, parts_text

HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def ada(lobby: Lobby) -> Browser:
    """120 requests, a minute apart, each second by Bob, each third failed, each tenth through `spare`."""
    now_ms = lobby.clock.now_ms()
    lobby.signed("bob@example.com").make_key(name="bobs")
    lobby.store.write_entries([_request(lobby, number, now_ms) for number in range(120)])
    return lobby.signed()


def _request(lobby: Lobby, number: int, now_ms: int) -> Any:
    return entry(
        number,
        at_ms=now_ms - number * 60_000,
        account_id=lobby.bob if number % 2 else lobby.ada,
        key_id=1 if number % 2 else 0,
        channel="main" if number % 10 else "spare",
        outcome="ok" if number % 3 else "upstream_error",
        status=200 if number % 3 else 502,
    )


def ids_in(html: str) -> list[int]:
    return [int(found, 16) for found in re.findall(r'href="/admin/requests/req_(\w+)"', html)]


def followed(browser: Browser, path: str) -> tuple[list[int], int]:
    """All pages, and how many they were."""
    seen: list[int] = []
    pages = 0
    while path:
        html = browser.get(path).text
        seen += ids_in(html)
        pages += 1
        following = re.search(r'href="([^"]+)" rel="next"', html)
        path = following[1].replace("&amp;", "&") if following else ""
    return seen, pages


class TestFinding:
    def test_by_its_id(self, ada: Browser) -> None:
        request_id = entry(7).usage.request_id
        assert ada.get(f"/admin/requests?id=+{request_id}+").headers["location"] == f"/admin/requests/{request_id}"
        for wrong in (request_id[:-1], "req_nothing", "%25", HOSTILE, "x" * 5000):
            answer = ada.get(f"/admin/requests?id={wrong}")
            assert answer.status_code == 404
            assert "No such request" in answer.text
            assert "<script>alert" not in answer.text

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", range(120)),
            ("account=bob@example.com", range(1, 120, 2)),
            ("account=2", range(1, 120, 2)),
            ("account=+BOB@example.com", range(1, 120, 2)),
            ("key=1", range(1, 120, 2)),
            ("key=7", []),
            ("model=gpt-5", range(120)),
            ("model=other", []),
            ("channel=spare", range(0, 120, 10)),
            ("outcome=upstream_error", range(0, 120, 3)),
            ("status=5xx", range(0, 120, 3)),
            ("status=502&account=1", range(0, 120, 6)),
            ("status=200", [number for number in range(120) if number % 3]),
            ("status=4xx", []),
            ("outcome=upstream_error&channel=spare&account=1", range(0, 120, 30)),
            ("until=2000-01-01", []),
            ("since=2000-01-01&until=2999-01-01", range(120)),
        ],
    )
    def test_by_what_it_was(self, ada: Browser, query: str, found: Any) -> None:
        assert followed(ada, f"/admin/requests?{query}")[0] == list(found)

    @pytest.mark.parametrize(
        "query", ["since=soon", "key=abc", "key=" + "9" * 30, "account=" + "9" * 30, "model=%00", "status=7xx"]
    )
    def test_what_cannot_be_read(self, ada: Browser, query: str) -> None:
        answer = ada.get(f"/admin/requests?{query}")
        assert answer.status_code == 400
        assert "One of the fields cannot be read" in answer.text or "no account" in answer.text
        assert not ids_in(answer.text)

    def test_an_account_that_is_not_there(self, ada: Browser) -> None:
        answer = ada.get("/admin/requests?account=eve@example.com")
        assert answer.status_code == 400
        assert "There is no account with this address" in answer.text

    def test_a_page_looks_at_so_many_and_goes_on(self, ada: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        """However rare it is what is asked for, each page is quick, and none is left out."""
        monkeypatch.setattr(requests, "_LOOK_ROWS", 7)
        seen, pages = followed(ada, "/admin/requests?channel=spare")
        assert seen == list(range(0, 120, 10))
        assert pages == 120 // 7 + 1
        assert "7 rows were looked at" in ada.get("/admin/requests?channel=spare").text

    def test_what_has_an_index_is_not_looked_for_in_parts(self, lobby: Lobby, ada: Browser) -> None:
        query = UsageQuery(account_id=lobby.bob)
        rows, following = usage.search_requests(lobby.desk(), query, before=None, limit=100, look_rows=1)
        assert (len(rows), following) == (60, None)

    def test_a_cursor_of_ones_own_making_does_no_harm(self, ada: Browser) -> None:
        for cursor in ("x", "1", "1-", "-1-1", "9" * 50 + "-1", "1-1-1", "9" * 18 + "-" + "9" * 18):
            assert ada.get(f"/admin/requests?channel=spare&before={cursor}").status_code == 200

    def test_whose_it_was_is_named(self, ada: Browser) -> None:
        html = ada.get("/admin/requests?account=2").text
        assert 'href="/admin/accounts/2">bob@example.com</a>' in html
        assert "bobs" in html


class TestOne:
    def test_has_everything(self, lobby: Lobby) -> None:
        made = entry(1, account_id=lobby.bob, retries=1, losses="top_k: dropped", price_version="own 3")
        cost = Cost(total_nusd=1_250_000, multiplier_ppm=1_500_000, parts=(("input", 1000, 1_250_000_000, 1_250_000),))
        row = made.usage._replace(cost_nusd=1_250_000, cost_parts=parts_text(cost))
        first = made.attempts[0]._replace(
            credential="second-key", picked="weight", left_for="rate_limited", status=429, outcome="rate_limited",
            first_token_ms=321, amount_nusd=0,
        )  # fmt: skip
        second = made.attempts[0]._replace(
            attempt=2, channel="spare", picked="next", amount_nusd=-1_250_000, cost_nusd=1_250_000, note=HOSTILE
        )
        lobby.store.write_entries([type(made)(row, (first, second))])
        html = lobby.signed().get(f"/admin/requests/{row.request_id}").text
        for words in (
            "second-key", "by weight", "rate limited", "429", "321 ms", "those before failed", "$0.001250",
            "Price: own 3", "× 1.5", "top_k: dropped", "1 more attempt", "bob@example.com",
        ):  # fmt: skip
            assert words in html, words
        assert "<script>alert" not in html

    def test_words_of_the_store_are_in_the_readers_language(self, lobby: Lobby) -> None:
        made = entry(1, account_id=lobby.bob, quality="estimated", operation="embeddings")
        paid = made.attempts[0]._replace(note="paid by a plan")
        lobby.store.write_entries([type(made)(made.usage, (paid,))])
        for browser, path in ((lobby.signed(), "/admin/requests"), (lobby.signed("bob@example.com"), "/usage")):
            page = f"{path}/{made.usage.request_id}"
            assert "paid by a plan" in browser.get(page).text
            browser.client.cookies.set("torouter_language", "zh-CN")
            html = browser.get(page).text
            assert [word for word in ("由套餐支付", "估算", "openai · 向量") if word not in html] == []

    def test_one_whose_row_was_pruned_still_has_its_attempts(self, lobby: Lobby, monkeypatch: Any) -> None:
        made = entry(1)
        lobby.store.write_entries([made])
        monkeypatch.setattr(type(lobby.store), "usage_page", lambda *_args, **_named: [])
        html = lobby.signed().get(f"/admin/requests/{made.usage.request_id}").text
        assert "Only its attempts are still on record" in html

    def test_one_that_is_not_there(self, lobby: Lobby) -> None:
        assert lobby.signed().get("/admin/requests/req_nothing").status_code == 404
