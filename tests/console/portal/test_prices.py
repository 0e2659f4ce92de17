"""Prices: what served models cost, whose price that is, and the two steps that set and end one of the operator's."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from tests.console.portal.lobby import Browser, Lobby
from tests.console.portal.test_groups import HOSTILE, words_of
from torouter.channels import KINDS, Channel
from torouter.console.portal.price_form import is_whole
from torouter.ledger.prices import UnknownPrice
from torouter.ledger.rates import Rates
from torouter.units import wall_ms

USD = 10**9
DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def ada(lobby: Lobby) -> Browser:
    lobby.serve(*channels())
    return lobby.signed()


def channels() -> tuple[Channel, ...]:
    return (
        Channel(name="main", kind=KINDS["openai"], models={"gpt-5": "gpt-5-2025", "gpt-5-mini": "gpt-5-mini"}),
        Channel(name="free", kind=KINDS["demo"], models={"gpt-5": "demo"}),
    )


def served(lobby: Lobby, html: str) -> str:
    """The part of the page that says what models cost."""
    return words_of(html.partition("What served models cost now")[2])


class TestSetting:
    def test_nothing_is_stored_before_it_was_confirmed(self, lobby: Lobby, ada: Browser) -> None:
        rows = len(lobby.store.audit_page(limit=100))
        answer = ada.post("/admin/prices/new", model="gpt-5", channel="main", input="1.25", output="$10")
        assert answer.status_code == 200
        words = words_of(answer.text)
        assert "In force from the moment that you confirm it." in words
        assert "gpt-5 main no price $1.25 / $10.00 this price" in words
        assert "free" not in words.partition("What changes")[2]
        assert "Cache read $1.25" in words, "what is not given is said, too"
        assert lobby.store.list_prices() == []
        assert len(lobby.store.audit_page(limit=100)) == rows

        kept = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', answer.text.partition('"yes"')[2]))
        form = {name: unescape(value) for name, value in kept.items()} | {"sure": "yes", "once": "a-form"}
        form.pop("csrf", None)
        for _ in range(2):
            answer = ada.post("/admin/prices/new", **form)
            assert answer.headers["location"] == "/admin/prices?told=price_added"
        (row,) = lobby.store.list_prices()
        assert (row.model, row.channel) == ("gpt-5", "main")
        assert row.rates == {"input_per_mtok": 1_250_000_000, "output_per_mtok": 10 * USD}
        assert abs(row.from_ms - wall_ms()) < 60_000
        assert lobby.store.audit_page(limit=1)[0].action == "price.add"

    def test_one_may_go_back_and_change_it(self, lobby: Lobby, ada: Browser) -> None:
        answer = ada.post("/admin/prices/new", model="gpt-5", input="3", note="by hand", sure="no")
        assert 'id="model" name="model" type="text" value="gpt-5"' in answer.text
        assert re.search(r'id="input"[^>]* value="3"', answer.text)
        assert lobby.store.list_prices() == []

    def test_everything(self, lobby: Lobby, ada: Browser) -> None:
        later = datetime.now(UTC) + timedelta(days=3)
        rates = {"input": "1", "output": "2", "cache_read": "0", "cache_write_5m": "3", "cache_write_1h": "4"}
        rates |= {"reasoning": "5", "input_audio": "6", "input_image": "7", "cache_audio_read": "8"}
        rates |= {"output_audio": "9", "output_image": "10", "request": "0.001", "web_search": "0.01"}
        tiers = {"above_1": "200,000", "input_1": "2", "output_1": "4", "above_2": "1000000", "input_2": "0"}
        services = {"service_1": "flex", "factor_1": "0.5", "service_3": "priority", "factor_3": "2"}
        form = {"model": "gpt-5*", "from_at": later.strftime("%Y-%m-%dT%H:%M"), "note": "contract", "sure": "yes"}
        assert ada.post("/admin/prices/new", **form, **rates, **tiers, **services).status_code == 303
        (row,) = lobby.store.list_prices()
        assert row.from_ms == int(later.replace(second=0, microsecond=0).timestamp()) * 1000
        assert row.note == "contract"
        assert row.rates == {
            "input_per_mtok": USD, "output_per_mtok": 2 * USD, "cache_read_per_mtok": 0,
            "cache_write_5m_per_mtok": 3 * USD, "cache_write_1h_per_mtok": 4 * USD, "reasoning_per_mtok": 5 * USD,
            "input_audio_per_mtok": 6 * USD, "input_image_per_mtok": 7 * USD, "cache_audio_read_per_mtok": 8 * USD,
            "output_audio_per_mtok": 9 * USD, "output_image_per_mtok": 10 * USD,
            "request_nusd": 1_000_000, "web_search_nusd": 10_000_000,
            "tiers": [
                {"above_tokens": 200_000, "rates": {"input_per_mtok": 2 * USD, "output_per_mtok": 4 * USD}},
                {"above_tokens": 1_000_000, "rates": {}},
            ],
            "service_tiers": {"flex": {"factor_ppm": 500_000}, "priority": {"factor_ppm": 2_000_000}},
        }  # fmt: skip

        html = ada.get("/admin/prices/new?like=1").text
        shown = dict(re.findall(r'<input id="(\w+)" name="\w+" value="([^"]*)"', html))
        assert {name: shown[name] for name in ("cache_read", "above_1", "input_2", "request", "factor_1")} == {
            "cache_read": "0.00", "above_1": "200000", "input_2": "0.00", "request": "0.001", "factor_1": "0.5",
        }  # fmt: skip
        assert "no place for" not in html
        again = {name: value for name, value in shown.items() if value}
        assert ada.post("/admin/prices/new", **again, model="gpt-5*", sure="yes").status_code == 303
        assert lobby.store.list_prices()[1].rates == row.rates

    def test_a_time_that_is_past_is_said(self, ada: Browser) -> None:
        answer = ada.post("/admin/prices/new", model="gpt-5", input="1", from_at="2020-01-01T00:00")
        assert "That is in the past" in answer.text
        assert 'datetime="2020-01-01T00:00:00Z"' in answer.text

    def test_a_price_for_nobody_is_said(self, ada: Browser) -> None:
        answer = ada.post("/admin/prices/new", model="gtp-5", input="1")
        assert "No model that is served now would have this price" in answer.text

    def test_a_more_specific_one_stays_before_it(self, lobby: Lobby, ada: Browser) -> None:
        lobby.store.add_price("gpt-5", "main", 0, {"input_per_mtok": USD}, "")
        lobby.serve(*channels())
        changes = words_of(ada.post("/admin/prices/new", model="gpt-*", input="9").text.partition("What changes")[2])
        assert "gpt-5-mini main no price $9.00" in changes
        assert "gpt-5 main" not in changes
        assert "gpt-5 free $0.00 / $0.00 free demo $9.00" in changes

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"model": ""}, "model"),
            ({"model": "x" * 201}, "model"),
            ({"input": "", "output": ""}, "input"),
            ({"input": "-1"}, "input"),
            ({"input": "NaN"}, "input"),
            ({"cache_read": "1e3"}, "cache_read"),
            ({"output": "1000000"}, "output"),
            ({"request": "much"}, "request"),
            ({"from_at": "tomorrow"}, "from_at"),
            ({"channel": "x" * 201}, "channel"),
            ({"note": "x" * 501}, "note"),
            ({"above_1": "200000"}, "input_1"),
            ({"input_1": "2"}, "above_1"),
            ({"above_1": "many", "input_1": "2"}, "above_1"),
            ({"above_1": "5", "input_1": "2", "above_2": "5", "input_2": "3"}, "above_2"),
            ({"service_1": "flex"}, "factor_1"),
            ({"service_1": "flex", "factor_1": "NaN"}, "factor_1"),
            ({"service_1": "flex", "factor_1": "-1"}, "factor_1"),
            ({"factor_2": "0.5"}, "service_2"),
            ({"service_1": "flex", "factor_1": "1", "service_2": "flex", "factor_2": "2"}, "service_2"),
        ],
    )
    @pytest.mark.parametrize("sure", ["", "yes"])
    def test_what_is_wrong_is_said_beside_it(
        self, lobby: Lobby, ada: Browser, fields: dict[str, str], field: str, sure: str
    ) -> None:
        form = {"model": "gpt-5", "input": "1", "sure": sure} | fields
        answer = ada.post("/admin/prices/new", **form)
        assert answer.status_code == 400
        assert f'id="{field}-wrong"' in answer.text
        assert lobby.store.list_prices() == []

    def test_hostile_text_stays_text(self, lobby: Lobby, ada: Browser) -> None:
        form = {
            "model": HOSTILE,
            "channel": HOSTILE,
            "note": HOSTILE,
            "input": "1",
            "service_1": HOSTILE,
            "factor_1": "1",
        }
        assert HOSTILE not in ada.post("/admin/prices/new", **form).text
        assert HOSTILE not in ada.post("/admin/prices/new", **form, output=HOSTILE).text
        assert ada.post("/admin/prices/new", **form, sure="yes").status_code == 303
        for path in ("/admin/prices", "/admin/prices/1/end", "/admin/prices/new?like=1"):
            html = ada.get(path).text
            assert HOSTILE not in html
            assert "&lt;script&gt;" in html
        assert HOSTILE not in ada.get(f"/admin/prices?search={HOSTILE}").text
        assert HOSTILE not in ada.get(f"/admin/prices/new?model={HOSTILE}&channel={HOSTILE}").text

    def test_it_begins_as_the_address_asks(self, ada: Browser) -> None:
        html = ada.get("/admin/prices/new?model=gpt-5&channel=main").text
        assert 'value="gpt-5"' in html
        assert 'value="main"' in html
        assert ada.get("/admin/prices/new?like=777").status_code == 404
        assert ada.get("/admin/prices/new?like=x").status_code == 200

    def test_what_the_form_cannot_say_is_not_dropped_silently(self, lobby: Lobby, ada: Browser) -> None:
        rates = {"input_per_mtok": 1, "service_tiers": {"flex": {"rates": {"input_per_mtok": 1}}}}
        lobby.store.add_price("gpt-5", "", 0, rates, "")
        assert "torouter price add --rates" in ada.get("/admin/prices/new?like=1").text
        assert is_whole(Rates(input_per_mtok=1))


class TestEnding:
    def test_what_holds_then_is_said(self, lobby: Lobby, ada: Browser) -> None:
        lobby.store.add_price("gpt-5*", "", 0, {"input_per_mtok": USD, "output_per_mtok": 2 * USD}, "")
        lobby.store.add_price("gpt-5", "main", 0, {"input_per_mtok": 3 * USD}, "")
        lobby.serve(*channels())
        words = words_of(ada.get("/admin/prices/2/end").text)
        assert "gpt-5 main $3.00 / $0.00 own 2 $1.00 / $2.00 own 1" in words
        words = words_of(ada.get("/admin/prices/1/end").text)
        assert "gpt-5-mini main $1.00 / $2.00 own 1 no price" in words
        assert "Keys whose money is limited cannot use it" in words
        answer = ada.post("/admin/prices/1/end")
        assert answer.headers["location"] == "/admin/prices?told=price_ended"
        assert [row.id for row in lobby.store.list_prices()] == [2]
        assert ada.post("/admin/prices/1/end").status_code == 404, "it is ended once"
        lobby.serve(*channels())
        assert "own price 1" not in ada.get("/admin/prices").text
        assert re.search(r"own price 1 .* Ended", words_of(ada.get("/admin/prices?ended=yes").text))


class TestTheList:
    def test_whose_price_each_has(self, lobby: Lobby, ada: Browser) -> None:
        lobby.store.add_price("gpt-5", "main", 0, {"input_per_mtok": 1_250_000_000, "tiers": [
            {"above_tokens": 5, "rates": {}}]}, "of the contract")  # fmt: skip
        lobby.store.add_price("gpt-5", "main", wall_ms() + DAY_MS, {"input_per_mtok": USD}, "")
        lobby.store.add_price("nobodys", "", 0, {"input_per_mtok": USD}, "")
        lobby.serve(*channels())
        html = ada.get("/admin/prices").text
        costs = served(lobby, html)
        assert "gpt-5 main → gpt-5-2025 $1.25 $1.25 $0.00 own price 1 and tiers" in costs
        assert "gpt-5 free → demo $0.00 $0.00 $0.00 free demo" in costs
        assert "gpt-5-mini main – – – no price" in costs
        own = words_of(html).partition("What served models cost now")[0]
        assert re.search(r"own price 1 · main · of the contract .* In force for 1 served name", own)
        assert re.search(r"own price 2 · main .* Begins later", own)
        assert re.search(r"nobodys own price 3 · every channel .* Prices nothing now", own)
        assert "gpt-5-mini" not in served(lobby, ada.get("/admin/prices?search=none").text)

    @pytest.mark.parametrize(
        ("unknown", "said"),
        [
            ("refuse-if-limited", "Keys whose money is limited cannot use it"),
            ("refuse", "Nobody can use it."),
            ("flag", "Everybody can use it, and it costs nothing."),
        ],
    )
    def test_models_without_a_price_stand_first(
        self, lobby: Lobby, ada: Browser, unknown: UnknownPrice, said: str
    ) -> None:
        lobby.serve(*channels(), unknown_price=unknown)
        html = ada.get("/admin/prices").text
        words = words_of(html)
        assert "2 served models have no known price." in words
        assert said in words
        assert f"prices.unknown: {unknown}" in words
        assert 'href="/admin/prices/new?model=gpt-5-mini&amp;channel=main"' in html
        lobby.store.add_price("*", "", 0, {}, "")
        lobby.serve(*channels(), unknown_price=unknown)
        assert said not in ada.get("/admin/prices").text

    def test_long_lists_come_in_parts(self, lobby: Lobby, ada: Browser) -> None:
        for number in range(30):
            lobby.store.add_price(f"m-{number:03}", "", 0, {}, "")
        names = {f"served-{number:03}": "x" for number in range(60)}
        lobby.serve(Channel(name="many", kind=KINDS["openai"], models=names))
        html = ada.get("/admin/prices").text
        assert "m-029" in html
        assert "m-004" not in html
        own, costs = (unescape(each) for each in re.findall(r'href="(\?[^"]*)" rel="next"', html))
        assert "m-004" in ada.get(f"/admin/prices{own}").text
        assert "51–60 of 60" in ada.get(f"/admin/prices{costs}").text
        words = words_of(html)
        assert "60 served models have no known price." in words
        assert "and 10 more" in words

    def test_of_very_many_names_the_first_are_looked_at(
        self, lobby: Lobby, ada: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert "is looked up for the first" not in ada.get("/admin/prices").text
        monkeypatch.setattr("torouter.console.portal.views.operator.prices.LOOKED_AT", 1)
        assert "is looked up for the first 1 names only" in ada.get("/admin/prices").text
