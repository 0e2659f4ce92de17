"""What was used, as pages and as a file; the catalogue; and the figures of the dashboard."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.console.admin.desk import entry
from tests.console.portal.lobby import Browser, Lobby
from torouter.accounts.office.usage import PointView, TotalsView
from torouter.console.portal.chart import chart
from torouter.console.portal.shown import exact, seconds, short_count, usd

TODAY = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture
def ada(lobby: Lobby) -> Browser:
    """Has made 120 requests within the last two hours, a minute apart; each third failed, each second with gpt-5."""
    browser = lobby.signed()
    browser.make_key()
    now_ms = lobby.clock.now_ms()
    lobby.store.write_entries([_request(number, now_ms) for number in range(120)])
    return browser


def _request(number: int, now_ms: int) -> Any:
    is_good = number % 3 != 0
    return entry(
        number,
        at_ms=now_ms - number * 60_000,
        model="gpt-5" if number % 2 else "claude-opus-4-7",
        outcome="ok" if is_good else "upstream_error",
        status=200 if is_good else 502,
        cost_nusd=10_000_000 if is_good else 0,
    )


def ids_in(html: str) -> list[int]:
    return [int(found, 16) for found in re.findall(r'href="/usage/req_(\w+)"', html)]


class TestUsage:
    def test_pages_follow_each_other_without_a_gap(self, ada: Browser) -> None:
        path, seen = "/usage?since=2000-01-01", []
        while path:
            html = ada.get(path).text
            seen += ids_in(html)
            following = re.search(r'href="([^"]+)" rel="next"', html)
            path = following[1].replace("&amp;", "&") if following else ""
        assert seen == list(range(120)), "the latest first"

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("model=gpt-5", 60),
            ("outcome=upstream_error", 40),
            ("model=gpt-5&outcome=ok", 40),
            ("key=1", 120),
            ("key=2", 0),
            ("until=2000-01-01", 0),
            ("since=2999-01-01", 0),
            ("model=nothing", 0),
        ],
    )
    def test_filters(self, ada: Browser, query: str, count: int) -> None:
        html = ada.get(f"/usage?{query}").text
        total = re.search(r"<dt>Requests</dt><dd>([\d,]+)</dd>", html)
        assert total is not None
        assert int(total[1]) == count
        assert len(ids_in(html)) == min(count, 50)
        lines = ada.get(f"/usage.csv?{query}").text.splitlines()
        assert len(lines) == count + 1

    @pytest.mark.parametrize("query", ["since=soon", "until=2026-13-01", "key=abc", "key=" + "9" * 30])
    def test_filters_that_cannot_be_read(self, ada: Browser, query: str) -> None:
        answer = ada.get(f"/usage?{query}")
        assert answer.status_code == 400
        assert "One of the filters cannot be read" in answer.text

    def test_a_cursor_of_ones_own_making_does_no_harm(self, ada: Browser) -> None:
        for cursor in ("x", "1", "1-", "-1-1", "9" * 50 + "-1", "1-1-1"):
            assert ada.get(f"/usage?since=2000-01-01&before={cursor}").status_code == 200

    def test_a_request_has_its_attempts_and_its_bill(self, ada: Browser) -> None:
        html = ada.get(f"/usage/{entry(1).usage.request_id}").text
        assert "Attempts" in html
        assert "$0.010000" in html

    def test_the_files_name_says_its_days(self, ada: Browser) -> None:
        disposition = ada.get("/usage.csv?since=2026-11-01&until=2026-11-30").headers["content-disposition"]
        assert disposition == 'attachment; filename="usage-2026-11-01_2026-12-01.csv"'


class TestDashboard:
    def test_has_the_sums(self, ada: Browser) -> None:
        html = ada.get("/dashboard").text
        assert "<dd>$0.8000</dd>" in html
        assert "40 failed" in html
        assert "Ready for the first request" not in html

    def test_says_what_to_do_first(self, lobby: Lobby) -> None:
        html = lobby.signed().get("/dashboard").text
        assert "Ready for the first request" in html
        assert "curl http://testserver/v1/chat/completions" in html

    def test_a_balance_is_shown_where_there_is_one(self, lobby: Lobby) -> None:
        lobby.store.change_account(lobby.bob, {"billing": "prepaid"})
        lobby.store.move_money(lobby.bob, "top_up", 12_500_000_000, "")
        assert "<dd>$12.50</dd>" in lobby.signed("bob@example.com").get("/dashboard").text


class TestModels:
    def test_lists_what_can_be_called(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        assert 'href="/model?name=claude-opus-4-7"' in browser.get("/models").text
        found = browser.get("/models?search=GPT&vendor=OpenAI&sort=chat").text
        assert 'href="/model?name=gpt-5"' in found
        assert "claude-opus" not in found
        assert "No models" in browser.get("/models?search=zzz").text

    def test_a_groups_catalog_narrows_it(self, lobby: Lobby) -> None:
        lobby.store.change_group(1, {"models": ["gpt-5"]})
        html = lobby.signed().get("/models").text
        assert re.findall(r'href="/model\?name=([^"]+)"', html) == ["gpt-5"]

    def test_one_of_them(self, lobby: Lobby) -> None:
        html = lobby.signed().get("/model?name=claude-opus-4-7").text
        assert "claude-opus-4-7-thinking" in html
        assert "POST /v1/messages" in html
        assert lobby.signed().get("/model?name=nothing").status_code == 404


class TestChart:
    def totals(self, requests: int, cost_usd: str) -> TotalsView:
        zero = dict.fromkeys(
            ("failures", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"), 0
        )
        return TotalsView(requests=requests, cost_usd=cost_usd, **zero)

    @pytest.mark.parametrize("most", ["0.000000001", "0.4", "0.41", "1", "7.3", "99", "12345.67", "0.00"])
    def test_bars_stay_within_and_lines_are_round(self, most: str) -> None:
        points = [PointView(at=TODAY - timedelta(days=3), totals=self.totals(5, most))]
        drawn = chart(points, 7, TODAY, is_money=True, height=220)
        assert [bar.at for bar in drawn.bars] == [TODAY - timedelta(days=back) for back in range(6, -1, -1)]
        tall = [Decimal(bar.height) for bar in drawn.bars]
        assert tall[3] == max(tall) <= Decimal(182)
        assert (tall[3] > 0) == (most != "0.00")
        assert all(height == 0 for place, height in enumerate(tall) if place != 3)
        assert drawn.ticks[0].value == "$0.00"
        assert Decimal(drawn.ticks[-1].value.strip("$").replace(",", "")) >= Decimal(most)

    def test_requests_are_counted_whole(self) -> None:
        points = [PointView(at=TODAY, totals=self.totals(1, "0.00"))]
        drawn = chart(points, 30, TODAY, is_money=False, height=110)
        assert [tick.value for tick in drawn.ticks] == ["0", "1", "2"]
        assert sum(bar.has_label for bar in drawn.bars) == 5


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0.00", "$0.00"), ("1234.5", "$1,234.50"), ("0.5", "$0.5000"), ("0.001", "$0.001000"), ("-3", "−$3.00"),
     ("0.0000001", "<$0.000001")],
)  # fmt: skip
def test_money(amount: str, shown: str) -> None:
    assert usd(amount) == shown


def test_other_figures() -> None:
    assert (exact(1_250_000_000), exact(75_000_000), exact(1)) == ("$1.25", "$0.075", "$0.000000001")
    assert (short_count(999), short_count(12_400), short_count(3_100_000)) == ("999", "12.4K", "3.1M")
    assert (seconds(None), seconds(999), seconds(1500)) == ("–", "999 ms", "1.50 s")
