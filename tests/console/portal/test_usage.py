"""What was used, as pages and as a file; the catalogue; and the figures of the dashboard."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.console.admin.desk import entry
from tests.console.portal.lobby import Browser, Lobby
from torouter.accounts.office.usage import PointView, TotalsView
from torouter.console.admin.routing_view import ChannelHealth
from torouter.console.portal.catalogue import ENDPOINTS, Entry
from torouter.console.portal.chart import Slot, chart, slots
from torouter.console.portal.modalities import operations_of, sees_images, sort_of, vendor_of
from torouter.console.portal.model_snippets import model_snippets
from torouter.console.portal.providers import fold
from torouter.console.portal.shown import exact, seconds, short_count, usd
from torouter.ledger.rates import Flat
from torouter.routing.health import HealthReport, Note

BAD_STATUSES = ("status=abc", "status=6xx", "status=5XX", "status=200", "status=2xx", "status=4000")
"""Good answers are nearly all there is, and no index has them by status."""
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
    """Of the rows, each of which has a link by its time and one by its name."""
    return [int(found, 16) for found in dict.fromkeys(re.findall(r'href="/usage/req_(\w+)"', html))]


def keys_in(html: str) -> list[str]:
    """Of the filter, what stands in each line."""
    listed = re.search(r'<select id="key" name="key">(.*?)</select>', html, re.DOTALL)
    assert listed is not None
    return re.findall(r"<option[^>]*>(.*?)</option>", listed[1])


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
            ("status=5xx", 40),
            ("status=502", 40),
            ("status=4xx", 0),
            ("status=5xx&model=gpt-5", 20),
            ("status=5xx&key=1", 40),
            ("status=5xx&outcome=ok", 0),
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

    def test_keys_to_choose_from(self, lobby: Lobby, ada: Browser) -> None:
        """In use before deleted, the newest first; of the playground's each when a link asks for it alone."""
        made = {"account_id": lobby.ada, "group": "default", "head": "sk-a", "tail": "z"}
        ids = {
            name: lobby.store.create_key(name=name, key_hash=name.encode(), session_id=session_id, **made).id
            for name, session_id in (("old", None), ("gone", None), ("Playground", 1), ("new", None), ("past", 1))
        }
        for name in ("gone", "past"):
            lobby.store.delete_key(ids[name])
        names = keys_in(ada.get("/usage").text)
        assert [name.partition(" ")[0] for name in names] == ["Any", "new", "old", "laptop", "gone"]
        assert [name for name in names if "deleted" in name] == names[-1:]
        lobby.store.write_entries([entry(500, at_ms=lobby.clock.now_ms(), key_id=ids["past"])])
        html = ada.get(f"/usage?key={ids['past']}").text
        assert len(ids_in(html)) == 1
        assert f'<option value="{ids["past"]}" selected>past' in html
        assert "Playground (" not in html
        assert len(ids_in(ada.get("/usage?key=").text)) == 50

    def test_a_hundred_keys_to_choose_from(self, lobby: Lobby, ada: Browser) -> None:
        ids = [
            lobby.store.create_key(
                account_id=lobby.ada, group="default", name=f"k{number}", key_hash=bytes([number]), head="a", tail="b"
            ).id
            for number in range(120)
        ]
        names = keys_in(ada.get("/usage").text)
        assert [name.partition(" ")[0] for name in names[1:-1]] == [f"k{number}" for number in range(119, 19, -1)]
        assert names[-1] == "21 more: from their own pages"
        html = ada.get(f"/usage?key={ids[0]}").text
        assert f'<option value="{ids[0]}" selected>k0 ' in html
        assert len(keys_in(html)) == 103

    @pytest.mark.parametrize("query", ["since=soon", "until=2026-13-01", "key=abc", "key=" + "9" * 30, *BAD_STATUSES])
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

    @pytest.mark.parametrize(
        ("query", "title", "bars"),
        [
            ("", "Spend by day", 7),
            ("since={today}", "Spend by hour", None),
            ("model=nothing", None, 0),
            ("key=", None, 0),
        ],
    )
    def test_a_chart_of_the_range(self, ada: Browser, query: str, title: str | None, bars: int | None) -> None:
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        html = ada.get(f"/usage?{query.format(today=today)}").text
        if query == "key=":  # since ever: from the first day with requests on
            assert 1 <= html.count("<g><title>") // 2 <= 2
            return
        assert title is None or title in html
        if bars is not None:
            assert html.count("<g><title>") == 2 * bars

    def test_what_one_points_at_is_within_reach_of_keys_and_fingers(self, ada: Browser) -> None:
        html = ada.get("/usage").text
        assert html.count('<details class="more">') >= 50
        assert "Cache read" in html

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

    @pytest.mark.parametrize(
        ("reports", "held", "condition"),
        [
            ([], [], "good"),
            ([0.0, 0.0], [], "good"),
            ([0.0, 5.0], [], "degraded"),
            ([5.0, 5.0], [], "down"),
            ([0.0], ["credential"], "degraded"),
            ([0.0], ["channel"], "down"),
        ],
    )
    def test_a_word_for_a_provider(self, reports: list[float], held: list[Any], condition: str) -> None:
        one, well = health(reports, held), health([], [])
        assert fold([one]) == condition
        assert fold([one, well]) == ("good" if condition == "good" else "degraded")

    def test_providers_are_named_and_channels_are_not(self, lobby: Lobby) -> None:
        html = lobby.signed("bob@example.com").get("/dashboard").text
        assert re.search(r"<span>Demo</span><span class=\"tag good\">Good</span>", html)


def health(left_s: list[float], held: list[Any]) -> ChannelHealth:
    none: dict[str, Any] = {
        "is_told": False, "failures_in_row": 0, "failure_ratio": 0.0, "requests": 1, "first_token_p50_s": None,
        "first_token_p95_s": None, "last_failure": "", "last_failure_s": None,
    }  # fmt: skip
    reports = [
        HealthReport(
            channel="c", credential="a", model=f"m{n}", state="open" if left else "closed", left_s=left, **none
        )
        for n, left in enumerate(left_s)
    ]
    notes = [Note("c", "", "", blame, 1, 5.0, False) for blame in held]
    return ChannelHealth(channel="c", in_flight=0, concurrency=0, held=notes, models=reports)


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

    def test_what_they_take_is_a_filter(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        assert 'href="/model?name=claude-opus-4-7"' in browser.get("/models?sort=vision").text
        audio = browser.get("/models?sort=audio").text
        assert "claude-opus" not in audio
        assert "/v1/chat" not in audio
        assert "No models" in browser.get("/models?sort=<script>").text
        assert 'href="/model?name=gpt-5"' in browser.get("/models?search=openai+gpt").text

    def test_a_groups_multiplier_is_in_its_price(self, lobby: Lobby) -> None:
        lobby.store.create_group("gold", {"multiplier_ppm": 500_000})
        html = lobby.signed().get("/model?name=gpt-5").text
        assert re.search(r"gold<span class=\"sub\">× 0.5</span>", html)
        assert "the list price times the group" in lobby.signed().get("/models").text
        assert "the list price times the group" not in lobby.signed("bob@example.com").get("/models").text

    def test_snippets_for_three_protocols(self, lobby: Lobby) -> None:
        html = lobby.signed().get("/model?name=claude-opus-4-7").text
        for name in ("OpenAI · curl", "Anthropic · Python", "Gemini · curl"):
            assert name in html
        assert "http://testserver/v1beta/models/claude-opus-4-7:generateContent" in html


def flat(name: str) -> Entry:
    rates = Flat(*[1_250_000_001] * len(Flat._fields))
    return Entry(
        name=name, vendor="", sort="chat", groups=(("gold", 500_000), ("default", 10**6)), endpoints=(), thinks=False,
        sees=None, context_tokens=None, max_output_tokens=None, rates=rates, price_version="1", tiers=(),
    )  # fmt: skip


def test_paid_rates_are_rounded_as_bills_are() -> None:
    assert flat("x").paid("input") == 625_000_001
    assert flat("x").paid("input", 1_000_000) == 1_250_000_001


@pytest.mark.parametrize(
    ("name", "vendor", "sort", "sees"),
    [
        ("gpt-5", "OpenAI", "chat", True),
        ("openai/gpt-5-mini", "OpenAI", "chat", True),
        ("o3-mini", "OpenAI", "chat", None),
        ("anthropic/claude-opus-4-7", "Anthropic", "chat", True),
        ("gemini-embedding-001", "Google", "embeddings", None),
        ("text-embedding-3-small", "OpenAI", "embeddings", None),
        ("gpt-image-1", "OpenAI", "images", None),
        ("gemini-2.5-flash-image", "Google", "chat", True),
        ("whisper-1", "OpenAI", "audio", None),
        ("gpt-4o-mini-tts", "OpenAI", "audio", None),
        ("gpt-4o-transcribe", "OpenAI", "audio", None),
        ("rerank-v3.5", "", "rerank", None),
        ("deepseek-v3", "DeepSeek", "chat", None),
        ("something-of-ours", "", "chat", None),
    ],
)
def test_what_a_name_tells(name: str, vendor: str, sort: str, sees: bool | None) -> None:
    assert (vendor_of(name), sort_of(name), sees_images(name)) == (vendor, sort, sees)


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("gpt-5", ("chat",)),
        ("whisper-1", ("transcriptions",)),
        ("gpt-4o-mini-tts", ("speech",)),
        ("text-embedding-3-small", ("embeddings",)),
        ("dall-e-3", ("images", "image_edits")),
    ],
)
def test_what_a_name_is_called_for(name: str, operations: tuple[str, ...]) -> None:
    assert operations_of(name) == operations


@pytest.mark.parametrize("name", ["gpt-5", "it's", '"; rm -rf /', "$(id)", "a b\\c"])
def test_snippets_run_as_they_stand(name: str) -> None:
    """Whatever a model is called, it stays one word of a shell's and one text of Python's."""
    found = model_snippets("https://llm.example", name, [path for path, _, _ in ENDPOINTS])
    assert len({each.id for each in found}) == len(found) == 14
    for each in found:
        if "curl" in each.id:
            words = shlex.split(each.text.replace("\\\n", " "))
            assert words[0] == "curl"
            body = words[words.index("-d") + 1] if "-d" in words else None
            assert body is None or json.loads(body).get("model", name) == name
            assert body is not None or f"model={name}" in words
        else:
            compile(each.text, "<snippet>", "exec")
            assert json.dumps(name) in each.text


class TestChart:
    def totals(self, requests: int, cost_usd: str) -> TotalsView:
        zero = dict.fromkeys(
            ("failures", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"), 0
        )
        return TotalsView(requests=requests, cost_usd=cost_usd, **zero)

    def week(self, points: list[PointView], days: int = 7) -> list[Slot]:
        return slots(points, TODAY - timedelta(days=days - 1), TODAY + timedelta(days=1), "day")

    @pytest.mark.parametrize("most", ["0.000000001", "0.4", "0.41", "1", "7.3", "99", "12345.67", "0.00"])
    def test_bars_stay_within_and_lines_are_round(self, most: str) -> None:
        points = [PointView(at=TODAY - timedelta(days=3), totals=self.totals(5, most))]
        drawn = chart(self.week(points), is_money=True, height=220)
        assert [bar.slot.at for bar in drawn.bars] == [TODAY - timedelta(days=back) for back in range(6, -1, -1)]
        tall = [Decimal(bar.height) for bar in drawn.bars]
        assert tall[3] == max(tall) <= Decimal(182)
        assert (tall[3] > 0) == (most != "0.00")
        assert all(height == 0 for place, height in enumerate(tall) if place != 3)
        assert drawn.ticks[0].value == "$0.00"
        assert Decimal(drawn.ticks[-1].value.strip("$").replace(",", "")) >= Decimal(most)

    def test_requests_are_counted_whole(self) -> None:
        points = [PointView(at=TODAY, totals=self.totals(1, "0.00"))]
        drawn = chart(self.week(points, 30), is_money=False, height=110)
        assert [tick.value for tick in drawn.ticks] == ["0", "1", "2"]
        assert sum(bar.has_label for bar in drawn.bars) == 5

    def test_hours_have_hours_for_names(self) -> None:
        points = [PointView(at=TODAY + timedelta(hours=7), totals=self.totals(3, "0.5"))]
        shown = slots(points, TODAY, TODAY + timedelta(days=2), "hour")
        assert [each.requests for each in shown] == [0] * 7 + [3] + [0] * 40
        assert (shown[7].title, shown[7].label) == ("2026-11-30 07:00", "07:00")

    @pytest.mark.parametrize("days", [1, 62, 63, 200, 3653])
    def test_of_many_days_several_share_a_bar_and_nothing_is_lost(self, days: int) -> None:
        points = [PointView(at=TODAY - timedelta(days=back), totals=self.totals(1, "0.01")) for back in range(days)]
        shown = self.week(points, days)
        assert len(shown) <= 62
        assert sum(each.requests for each in shown) == days
        assert sum(each.cost for each in shown) == Decimal("0.01") * days
        assert all(one.until == other.at for one, other in pairwise(shown))
        assert shown[-1].until == TODAY + timedelta(days=1)
        assert sum(bar.has_label for bar in chart(shown, is_money=True, height=220).bars) <= 10


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
