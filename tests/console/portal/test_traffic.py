"""The live view: figures of the last two minutes, and what its script is told."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

from tests.console.admin.desk import entry
from tests.console.portal.lobby import Browser, Lobby
from torouter.accounts.office import traffic
from torouter.console.portal.shown import rate
from torouter.console.portal.spark import HEIGHT, WIDTH, spark
from torouter.store import ProcessRow

HOSTILE = '"><img src=x onerror=alert(1)>'


@pytest.fixture
def ada(lobby: Lobby) -> Browser:
    return lobby.signed()


def put(lobby: Lobby, number: int, ago_ms: int = 0, **columns: Any) -> None:
    lobby.store.write_entries([entry(number, at_ms=lobby.clock.now_ms() - ago_ms, **columns)])


def ids_in(html: str) -> list[int]:
    return [int(found, 16) for found in re.findall(r'href="/admin/requests/req_(\w+)"', html)]


class TestPulse:
    def test_counts_by_steps(self, lobby: Lobby) -> None:
        put(lobby, 1, 10_000, input_tokens=100, output_tokens=20, reasoning_tokens=3)
        put(lobby, 2, 10_000, outcome="fault", input_tokens=0, output_tokens=0)
        put(lobby, 3, 200_000)
        beats = traffic.pulse(lobby.desk())
        assert len(beats) == traffic.STEPS
        spans = {(later.at - earlier.at).total_seconds() for earlier, later in pairwise(beats)}
        assert spans == {traffic.STEP_S}
        sums = [sum(getattr(beat, name) for beat in beats) for name in ("requests", "failures", "tokens")]
        assert sums == [2, 1, 123]


class TestPage:
    def test_has_figures_and_rows_without_scripts(self, lobby: Lobby, ada: Browser) -> None:
        for number in range(60):
            put(lobby, number, 10_000 + number * 1000, outcome="ok" if number % 4 else "upstream_error", model=HOSTILE)
        html = ada.get("/admin/traffic").text
        assert ids_in(html) == list(range(50)), "the latest first"
        assert "25 %" in html
        assert "<img" not in html.replace('<img src="/assets/', "")
        assert 'href="/admin/traffic">Reload' in html
        assert "of this process, here pid 1" in html
        assert "<dd>3</dd>" in html, "in flight"

    def test_says_that_there_are_others(self, lobby: Lobby, ada: Browser) -> None:
        now_ms = lobby.clock.now_ms()
        for name in ("a", "b"):
            lobby.store.beat(ProcessRow(id=name, place="", replica="r", started_ms=1, seen_ms=now_ms, revision=0))
        assert "one of 2 processes" in ada.get("/admin/traffic").text

    def test_nothing_is_said(self, ada: Browser) -> None:
        html = ada.get("/admin/traffic").text
        assert "Nothing has ended within a day" in html
        assert "0 %" in html

    def test_filters_that_cannot_be_read(self, ada: Browser) -> None:
        answer = ada.get("/admin/traffic?key=abc")
        assert answer.status_code == 400
        assert "data-poll" not in answer.text, "nothing to ask for"


class TestPolling:
    def test_brings_what_is_new(self, lobby: Lobby, ada: Browser) -> None:
        put(lobby, 1, 60_000)
        html = ada.get("/admin/traffic").text
        after = re.search(r'data-after="(\d+)"', html)
        assert after is not None
        assert ids_in(html) == [1]
        put(lobby, 2)
        told = ada.get(f"/admin/traffic.json?after={after[1]}").json()
        assert ids_in(told["rows"]) == [2]
        assert "<svg" in told["figures"]
        lobby.clock.later_ms += 60_000
        later = ada.get(f"/admin/traffic.json?after={told['after']}").json()
        assert set(ids_in(later["rows"])) <= {2}, "what came late may come twice"
        last = ada.get(f"/admin/traffic.json?after={later['after']}").json()
        assert ids_in(last["rows"]) == []

    def test_misses_none_that_is_stored_late(self, lobby: Lobby, ada: Browser) -> None:
        """Another process stores what it has a moment later."""
        after = ada.get("/admin/traffic.json?after=0").json()["after"]
        put(lobby, 1, 1500)
        assert ids_in(ada.get(f"/admin/traffic.json?after={after}").json()["rows"]) == [1]

    def test_rows_are_known_again(self, lobby: Lobby, ada: Browser) -> None:
        put(lobby, 1)
        first, second = (ada.get("/admin/traffic.json?after=0").json()["rows"] for _ in range(2))
        assert re.findall(r'data-id="(\d+)"', first) == re.findall(r'data-id="(\d+)"', second) == ["1"]

    @pytest.mark.parametrize(
        ("query", "found"),
        [("account=ada@example.com", [1]), ("model=other", [2]), ("channel=spare", [3]), ("outcome=fault", [4])],
    )
    def test_obeys_the_filters(self, lobby: Lobby, ada: Browser, query: str, found: list[int]) -> None:
        put(lobby, 1)
        others: list[dict[str, Any]] = [{"model": "other"}, {"channel": "spare"}, {"outcome": "fault"}]
        for number, columns in enumerate(others, 2):
            put(lobby, number, account_id=lobby.bob, **columns)
        assert ids_in(ada.get(f"/admin/traffic.json?{query}&after=0").json()["rows"]) == found
        html = ada.get(f"/admin/traffic?{query}").text
        assert ids_in(html) == found
        assert f'data-poll="/admin/traffic.json?{query.replace("@", "%40")}"' in html

    def test_brings_the_latest_where_nothing_is_said(self, lobby: Lobby, ada: Browser) -> None:
        put(lobby, 1)
        assert ids_in(ada.get("/admin/traffic.json").json()["rows"]) == [1]

    @pytest.mark.parametrize("query", ["after=", "after=x", "after=-1", "after=" + "9" * 30, "after=0&key=x"])
    def test_what_cannot_be_read(self, ada: Browser, query: str) -> None:
        assert ada.get(f"/admin/traffic.json?{query}").status_code == 400

    def test_hostile_names_stay_text(self, lobby: Lobby, ada: Browser) -> None:
        put(lobby, 1, model=HOSTILE, channel=HOSTILE)
        assert "<img" not in ada.get("/admin/traffic.json?after=0").json()["rows"]


class TestSpark:
    @pytest.mark.parametrize("values", [[0.0, 0.0], [1.0, 5.0, 2.5], [1e9, 0.0, 3.0], [0.001] * 60])
    def test_stays_within(self, values: list[float]) -> None:
        drawn = spark(values, values[-1])
        points = [tuple(map(float, point.split(","))) for point in drawn.line.split()]
        assert len(points) == len(values)
        assert (points[0][0], points[-1][0]) == (0, WIDTH)
        assert all(0 < y < HEIGHT for _, y in points)
        assert min(points, key=lambda point: point[1])[1] == points[values.index(max(values))][1]
        assert (drawn.now, drawn.peak) == (values[-1], max(values))

    def test_nothing_lies_on_the_ground(self) -> None:
        assert {point.partition(",")[2] for point in spark([0.0, 0.0], 0.0).line.split()} == {str(HEIGHT - 1)}


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0"), (0.42, "0.4"), (5.0, "5"), (12.5, "12.5"), (204.7, "205"), (9999.0, "9,999"), (31_400.0, "31.4K")],
)
def test_rates_are_short(value: float, words: str) -> None:
    assert rate(value) == words
