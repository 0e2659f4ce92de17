"""What is held for a request before its cost is known, over the prices of a book."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.relay.stage import KEY
from tests.routing.channels import channel
from torouter.access.admission import Admission
from torouter.access.reserving import Stake
from torouter.codecs import CODECS
from torouter.errors import AccessError, RequestError
from torouter.ledger.listed import Catalogue
from torouter.ledger.prices import OwnPrice, PriceBook, UnknownPrice
from torouter.ledger.rates import Rates
from torouter.relay.call import Call
from torouter.relay.others import Others
from torouter.routing.snapshot import Snapshot
from torouter.surfaces.stakes import Stakes
from torouter.units import Dialect, Operation

EMPTY = Catalogue(b'{"form":2,"version":"none","providers":[]}')
BODY = {"model": "m", "messages": [], "max_tokens": 100}


def price(number: int, name: str, per_token_nusd: int) -> OwnPrice:
    rates = Rates(input_per_mtok=per_token_nusd * 10**6, output_per_mtok=2 * per_token_nusd * 10**6)
    return OwnPrice(id=number, model="m", channel=name, rates=rates)


BOTH = PriceBook(EMPTY, [price(1, "a", 10), price(2, "b", 30)])
ONE = PriceBook(EMPTY, [price(1, "a", 10)])


def stake(
    book: PriceBook,
    body: dict[str, Any],
    *,
    dialect: Dialect = "openai-chat",
    operation: Operation = "chat",
    unknown: UnknownPrice = "refuse-if-limited",
    **given: Any,
) -> Stake:
    channels = (channel("a", "m", dialects=(dialect,)), channel("b", "m", dialects=(dialect,), priority=20))
    snapshot = Snapshot(channels=channels)
    route = snapshot.route("default", dialect, operation, "m")
    assert route is not None
    admission = Admission(key=KEY, snapshot=snapshot, model="m", route=route)
    call = Call(codec=CODECS[dialect], operation=operation, framing="whole", content_type=b"application/json")
    options = {"multiplier_ppm": 1_000_000, "is_strict": False, "has_money": True, "counts_tokens": False} | given
    return Stakes(book, lambda: 1, unknown).stake(json.dumps(body).encode(), admission, call, **options)


def test_the_dearest_channel_counts_at_the_groups_multiplier() -> None:
    read = -(-len(json.dumps(BODY)) // 4)
    held = read * 30 + 100 * 60
    assert stake(BOTH, BODY) == Stake(held, read + 100)
    assert stake(BOTH, BODY, multiplier_ppm=2_000_000).hold_nusd == 2 * held


def test_a_model_that_may_stand_in_is_paid_for_too() -> None:
    """And one without a price is left out, where such are not served."""
    channels = (channel("a", "m", "n"), channel("b", "n", "o"))
    snapshot = Snapshot(channels=channels)

    def admission(name: str) -> Admission:
        route = snapshot.route("default", "openai-chat", "chat", name)
        assert route is not None
        return Admission(key=KEY, snapshot=snapshot, model=name, route=route)

    dear = Rates(input_per_mtok=90 * 10**6, output_per_mtok=90 * 10**6)
    book = PriceBook(EMPTY, [price(1, "a", 10), OwnPrice(id=2, model="n", channel="", rates=dear)])
    call = Call(codec=CODECS["openai-chat"], operation="chat", framing="whole", content_type=b"application/json")
    stakes = Stakes(book, lambda: 1, "refuse-if-limited")
    others = Others(outage=(admission("n"), admission("o")))
    priced = stakes.with_prices(others, is_limited=True)
    assert [each.model for each in priced.outage] == ["n"]
    assert stakes.with_prices(others, is_limited=False) == others
    options: Any = {"multiplier_ppm": 1_000_000, "is_strict": False, "has_money": True, "counts_tokens": False}
    body = json.dumps(BODY).encode()
    alone = stakes.stake(body, admission("m"), call, **options)
    both = stakes.stake(body, admission("m"), call, others=priced, **options)
    assert both.hold_nusd > alone.hold_nusd


def test_every_choice_is_written() -> None:
    once, thrice = stake(BOTH, BODY), stake(BOTH, {**BODY, "n": 3})
    assert thrice.hold_nusd - once.hold_nusd >= 200 * 60


def test_a_strict_hold_is_above_the_expected_one() -> None:
    assert stake(BOTH, BODY, is_strict=True).hold_nusd > stake(BOTH, BODY).hold_nusd


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        ("openai-chat", "max_tokens"),
        ("openai-responses", "max_output_tokens"),
        ("anthropic", "max_tokens"),
        ("gemini", "generationConfig.maxOutputTokens"),
    ],
)
def test_a_strict_request_without_a_bound_names_the_field(dialect: Dialect, name: str) -> None:
    with pytest.raises(RequestError) as caught:
        stake(BOTH, {"model": "m"}, dialect=dialect, is_strict=True)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, name, "unbounded_cost")
    assert f"`{name}`" in caught.value.message


def test_a_strict_request_for_what_the_provider_runs_names_that() -> None:
    with pytest.raises(RequestError) as caught:
        stake(BOTH, {**BODY, "web_search_options": {}}, is_strict=True)
    assert caught.value.param == "web_search_options"


def test_without_a_limit_on_money_only_tokens_are_told() -> None:
    read = -(-len(json.dumps(BODY)) // 4)
    assert stake(ONE, BODY, has_money=False, counts_tokens=True) == Stake(0, read + 100)
    assert stake(ONE, BODY, has_money=False) == Stake()


def test_counting_tokens_costs_nothing_even_without_a_price() -> None:
    none = PriceBook(EMPTY)
    assert stake(none, BODY, operation="count_tokens", unknown="refuse", is_strict=True) == Stake()


@pytest.mark.parametrize(
    ("unknown", "has_money", "is_refused"),
    [
        ("refuse-if-limited", True, True),
        ("refuse-if-limited", False, False),
        ("refuse", True, True),
        ("refuse", False, True),
        ("flag", True, False),
        ("flag", False, False),
    ],
)
def test_one_channel_without_a_price(unknown: UnknownPrice, has_money: bool, is_refused: bool) -> None:
    if not is_refused:
        assert stake(ONE, BODY, unknown=unknown, has_money=has_money).hold_nusd >= 0
        return
    with pytest.raises(AccessError) as caught:
        stake(ONE, BODY, unknown=unknown, has_money=has_money)
    assert (caught.value.status, caught.value.type, caught.value.code) == (403, "ACCESS_DENIED", "model_not_priced")
