"""The laws of a bill: its parts add up, can be reckoned again from what is kept of them, and are never below zero."""

from __future__ import annotations

import json
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torouter.canon.usage import Usage
from torouter.ledger.cost import Cost, cost, parts_text, read_parts
from torouter.ledger.rates import ContextTier, Price, Rates, ServiceTier

USD = 1_000_000_000
UNIT = 1_000_000

rate = st.integers(0, 10**13)
maybe_rate = st.none() | rate
OPTIONAL = [
    name for name, default in zip(Rates.__struct_fields__, Rates.__struct_defaults__, strict=True) if default is None
]
plain_rates = st.builds(
    Rates,
    input_per_mtok=rate,
    output_per_mtok=rate,
    request_nusd=st.integers(0, 10**12),
    web_search_nusd=st.integers(0, 10**12),
    **dict.fromkeys(OPTIONAL, maybe_rate),
)
tiers = st.lists(st.builds(ContextTier, above_tokens=st.integers(0, 10**6), rates=plain_rates), max_size=3).map(tuple)
service_tiers = st.dictionaries(
    st.sampled_from(["flex", "priority", "batch"]),
    st.builds(ServiceTier, rates=st.none() | plain_rates, factor_ppm=st.integers(0, 5 * UNIT)),
    max_size=3,
)
prices = st.builds(
    lambda rates, tiers, services: Price("own 1", msgspec.structs.replace(rates, tiers=tiers, service_tiers=services)),
    plain_rates,
    tiers,
    service_tiers,
)
tokens = st.integers(0, 10**12) | st.integers(0, 3000)
multipliers = st.integers(0, 10**9) | st.just(UNIT)
tier_words = st.sampled_from(["", "flex", "priority", "batch", "standard"])


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    plain, read, output = draw(tokens), draw(tokens), draw(tokens)
    audio_in, audio_out = draw(st.integers(0, plain)), draw(st.integers(0, output))
    return Usage(
        input_tokens=plain,
        cache_read_tokens=read,
        cache_write_tokens=draw(tokens),
        cache_write_5m_tokens=draw(tokens),
        cache_write_1h_tokens=draw(tokens),
        tool_input_tokens=draw(tokens),
        output_tokens=output,
        reasoning_tokens=draw(tokens),
        audio_input_tokens=audio_in,
        image_input_tokens=draw(st.integers(0, plain - audio_in)),
        audio_cache_read_tokens=draw(st.integers(0, read)),
        audio_output_tokens=audio_out,
        image_output_tokens=draw(st.integers(0, output - audio_out)),
        web_searches=draw(st.sampled_from([0, 0, 1, 7])),
        service_tier=draw(tier_words),
    )


def again(tokens: int, per_mtok: int, multiplier_ppm: int) -> int:
    """Half up, by another road than the product's."""
    exact = Fraction(tokens) * per_mtok / 10**6 * multiplier_ppm / 10**6
    return int(exact + Fraction(1, 2))


@given(prices, usages(), multipliers, tier_words)
def test_a_bill_can_be_reckoned_again_from_its_text(price: Price, usage: Usage, multiplier: int, tier: str) -> None:
    found = cost(price, usage, multiplier, tier)
    told = json.loads(parts_text(found))
    parts = told.get("parts", [])
    assert told.get("total_nusd", 0) == found.total_nusd == sum(part[3] for part in parts)
    assert told["multiplier_ppm"] == multiplier
    for _, count, per_mtok, nusd in parts:
        assert nusd == again(count, per_mtok, multiplier) >= 0
        assert count > 0
    assert sum(part[1] for part in parts if part[0] not in ("request", "web_search")) == usage.total_tokens
    assert read_parts(parts_text(found)) == found


@given(prices, usages(), multipliers)
def test_a_bill_is_what_its_counters_cost_one_by_one(price: Price, usage: Usage, multiplier: int) -> None:
    """To a nano-dollar for each part. The context tier is that of the whole, so this is about prices without one."""
    flat = Price(
        "own 1", msgspec.structs.replace(price.rates, tiers=(), service_tiers={}, request_nusd=0, web_search_nusd=0)
    )
    names = [name for name in Usage.__struct_fields__ if name.endswith("_tokens")]
    media = {
        "input_tokens": ("audio_input_tokens", "image_input_tokens"),
        "cache_read_tokens": ("audio_cache_read_tokens",),
        "output_tokens": ("audio_output_tokens", "image_output_tokens"),
    }
    inner = {name for group in media.values() for name in group}
    alone = [
        cost(flat, Usage(**{each: getattr(usage, each) for each in (name, *media.get(name, ()))}), multiplier)
        for name in names
        if name not in inner
    ]
    whole = cost(flat, usage, multiplier)
    assert abs(whole.total_nusd - sum(each.total_nusd for each in alone)) <= 1  # of both sorts of five-minute writes
    assert cost(flat, usage, 0).total_nusd == 0


@given(prices, usages())
def test_a_multiplier_multiplies(price: Price, usage: Usage) -> None:
    once, thrice = cost(price, usage, UNIT), cost(price, usage, 3 * UNIT)
    assert abs(thrice.total_nusd - 3 * once.total_nusd) <= 2 * max(1, len(once.parts))
    assert [part[:3] for part in once.parts] == [part[:3] for part in thrice.parts]


def test_every_counter_has_its_rate() -> None:
    price = Price(
        "own 1",
        Rates(
            input_per_mtok=1 * USD,
            output_per_mtok=2 * USD,
            cache_read_per_mtok=3 * USD,
            cache_write_5m_per_mtok=4 * USD,
            cache_write_1h_per_mtok=5 * USD,
            reasoning_per_mtok=6 * USD,
            input_audio_per_mtok=7 * USD,
            input_image_per_mtok=8 * USD,
            cache_audio_read_per_mtok=9 * USD,
            output_audio_per_mtok=10 * USD,
            output_image_per_mtok=11 * USD,
            request_nusd=77,
            web_search_nusd=5,
        ),
    )
    usage = Usage(
        input_tokens=100,
        audio_input_tokens=20,
        image_input_tokens=30,
        tool_input_tokens=5,
        cache_read_tokens=40,
        audio_cache_read_tokens=15,
        cache_write_tokens=1,
        cache_write_5m_tokens=2,
        cache_write_1h_tokens=4,
        output_tokens=60,
        audio_output_tokens=11,
        image_output_tokens=13,
        reasoning_tokens=17,
        web_searches=3,
    )
    assert cost(price, usage, UNIT).parts == (
        ("input", 50, 1 * USD, 50_000),
        ("input_audio", 20, 7 * USD, 140_000),
        ("input_image", 30, 8 * USD, 240_000),
        ("input_tools", 5, 1 * USD, 5_000),
        ("cache_read", 25, 3 * USD, 75_000),
        ("cache_audio_read", 15, 9 * USD, 135_000),
        ("cache_write_5m", 3, 4 * USD, 12_000),
        ("cache_write_1h", 4, 5 * USD, 20_000),
        ("output", 36, 2 * USD, 72_000),
        ("output_audio", 11, 10 * USD, 110_000),
        ("output_image", 13, 11 * USD, 143_000),
        ("reasoning", 17, 6 * USD, 102_000),
        ("request", 1, 77_000_000, 77),
        ("web_search", 3, 5_000_000, 15),
    )


def test_rates_that_are_not_told_are_anothers() -> None:
    usage = Usage(
        input_tokens=1,
        audio_input_tokens=1,
        cache_read_tokens=2,
        audio_cache_read_tokens=1,
        cache_write_1h_tokens=1,
        output_tokens=0,
        reasoning_tokens=1,
    )

    def rates_of(**told: int) -> dict[str, int]:
        price = Price("own 1", Rates(input_per_mtok=10, output_per_mtok=20, **told))  # type: ignore[arg-type]
        return {part[0]: part[2] for part in cost(price, usage, UNIT).parts}

    everything = {"input_audio": 10, "cache_read": 10, "cache_audio_read": 10, "cache_write_1h": 10, "reasoning": 20}
    assert rates_of() == everything
    assert rates_of(input_audio_per_mtok=30) == everything | {"input_audio": 30, "cache_audio_read": 30}
    assert rates_of(cache_read_per_mtok=3) == everything | {"cache_read": 3, "cache_audio_read": 3}
    assert rates_of(cache_write_5m_per_mtok=12)["cache_write_1h"] == 12


@pytest.mark.parametrize(
    ("size", "total", "above"),
    [(0, 0, 0), (200_000, 200_000, 0), (200_001, 400_002, 200_000), (900_000, 2_700_000, 500_000)],
)
def test_a_tier_prices_the_whole_request(size: int, total: int, above: int) -> None:
    tiers = (
        ContextTier(above_tokens=500_000, rates=Rates(input_per_mtok=3 * UNIT)),
        ContextTier(above_tokens=200_000, rates=Rates(input_per_mtok=2 * UNIT)),
    )
    price = Price("own 1", Rates(input_per_mtok=1 * UNIT, tiers=tiers))
    for usage in (Usage(input_tokens=size), Usage(input_tokens=size // 2, cache_read_tokens=size - size // 2)):
        found = cost(price, usage, UNIT)
        assert (found.total_nusd, found.above_tokens) == (total, above)


def test_the_tier_that_served_it_is_the_usages_or_the_callers() -> None:
    rates = Rates(
        input_per_mtok=10 * UNIT,
        request_nusd=3,
        tiers=(ContextTier(above_tokens=100, rates=Rates(input_per_mtok=20 * UNIT)),),
        service_tiers={
            "batch": ServiceTier(factor_ppm=500_000),
            "priority": ServiceTier(rates=Rates(input_per_mtok=15 * UNIT)),
        },
    )
    price = Price("own 1", rates)

    def total(size: int, told: str, tier: str = "") -> tuple[int, str]:
        found = cost(price, Usage(input_tokens=size, service_tier=told), UNIT, tier)
        return found.total_nusd, found.service_tier

    assert total(100, "") == (1003, "")
    assert total(100, "standard") == (1003, "")
    assert total(100, "batch") == (502, "batch")  # the fee of 1.5 is rounded up
    assert total(101, "batch") == (1010, "batch")
    assert total(101, "priority") == (1515, "priority")
    assert total(100, "batch", "priority") == (1500, "priority")


def test_a_half_is_rounded_up() -> None:
    price = Price("own 1", Rates(input_per_mtok=500_000))
    assert [cost(price, Usage(input_tokens=n), UNIT).total_nusd for n in (0, 1, 2, 3)] == [0, 1, 1, 2]


def test_what_is_no_text_of_a_bill_is_refused() -> None:
    for text in ("", "{}", '{"total_nusd":1,"multiplier_ppm":1,"parts":[["input",1]]}', "null"):
        with pytest.raises(msgspec.DecodeError):
            read_parts(text)
    assert read_parts('{"multiplier_ppm":5}') == Cost(multiplier_ppm=5)
