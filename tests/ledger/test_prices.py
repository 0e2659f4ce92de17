"""Which price holds: the operator's own before what is free before the catalogue; and nobody's where none is told."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from torouter.canon.usage import Usage
from torouter.channels.rows import KINDS
from torouter.ledger.cost import cost
from torouter.ledger.listed import ANY, Catalogue
from torouter.ledger.prices import OwnPrice, Price, PriceBook, own_version
from torouter.ledger.rates import Rates

USD = 1_000_000_000
FREE = {kind.name for kind in KINDS.values() if kind.is_free}
PROVIDERS = {kind.name: kind.priced_as for kind in KINDS.values() if kind.priced_as is not None}


def ms(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp() * 1000)


NOW = ms(2026, 11, 30)


def book(catalogue: Catalogue, *own: OwnPrice) -> PriceBook:
    return PriceBook(catalogue, own, free_kinds=FREE, providers=PROVIDERS)


def own(number: int, model: str, rate: int = 1, **told: object) -> OwnPrice:
    return OwnPrice(id=number, model=model, rates=Rates(input_per_mtok=rate), **told)  # type: ignore[arg-type]


def found(prices: PriceBook, model: str, *, kind: str = "openai", channel: str = "c", at_ms: int = NOW) -> str | None:
    price = prices.find(kind, channel, model, model, at_ms)
    return None if price is None else price.version


GOLDEN = [
    # (kind, model, input, cache read, cache write, an hour's, output), in dollars per million tokens
    ("openai", "gpt-5", 1.25, 0.125, None, None, 10),
    ("openai", "gpt-4o-mini", 0.15, 0.075, None, None, 0.6),
    ("openai", "o4-mini", 1.1, 0.275, None, None, 4.4),
    ("anthropic", "claude-sonnet-4-5-20250929", 3, 0.3, 3.75, 6, 15),
    ("anthropic", "claude-opus-4-1", 15, 1.5, 18.75, 30, 75),
    ("gemini", "gemini-2.5-flash", 0.3, 0.03, None, None, 2.5),
    ("openrouter", "anthropic/claude-sonnet-4.5", 3, 0.3, 3.75, 3.75, 15),
    ("openai-compatible", "anthropic/claude-sonnet-4-5", 3, 0.3, 3.75, 6, 15),
    ("anthropic-compatible", "claude-sonnet-4-5", 3, 0.3, 3.75, 6, 15),
]


@pytest.mark.parametrize(("kind", "model", "read", "cached", "written", "hour", "output"), GOLDEN)
def test_prices_as_the_vendors_have_them(
    kind: str,
    model: str,
    read: float,
    cached: float,
    written: float | None,
    hour: float | None,
    output: float,
    catalogue: Catalogue,
) -> None:
    price = book(catalogue).find(kind, "c", model, model, NOW)
    assert price is not None
    rates = price.rates
    told = (
        *(rates.input_per_mtok, rates.cache_read_per_mtok, rates.cache_write_5m_per_mtok),
        *(rates.cache_write_1h_per_mtok, rates.output_per_mtok),
    )
    assert told == tuple(each and round(each * USD) for each in (read, cached, written, hour, output))


def test_a_price_says_where_it_is_from(catalogue: Catalogue) -> None:
    prices = book(catalogue)
    assert found(prices, "gpt-5-2025-08-07") == f"{catalogue.version} openai/gpt-5"
    assert catalogue.version.startswith("genai-prices 0.2.")
    assert found(prices, "llama3", kind="ollama") == "free ollama"


def test_free_kinds_cost_nothing_and_say_so(catalogue: Catalogue) -> None:
    assert {"demo", "ollama", "vllm", "llamacpp"} == FREE
    price = book(catalogue).find("demo", "c", "gpt-5", "gpt-5", NOW)
    assert price == Price("free demo", Rates())
    assert cost(price, Usage(input_tokens=10**9, output_tokens=10**9), 10**9).total_nusd == 0


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("openai", "gpt-99-of-nobody"),
        ("openai", "whisper-1"),  # the catalogue prices it by the hour
        ("openai", "tts-1"),
        ("qwen", "qwen-plus"),
        ("qwen", "deepseek-v3"),  # not at the prices of DeepSeek's own service
        ("openai-compatible", "my-own-model"),
        ("openrouter", "gpt-5-of-nobody"),
        ("a kind to come", "gpt-5"),
    ],
)
def test_what_nobody_has_told_has_no_price(kind: str, model: str, catalogue: Catalogue) -> None:
    assert found(book(catalogue), model, kind=kind) is None


def test_every_kind_is_free_or_has_somebodys_prices(catalogue: Catalogue) -> None:
    assert not FREE & PROVIDERS.keys()
    assert {kind for kind in KINDS if kind not in FREE and kind not in PROVIDERS} == {"qwen"}
    known = {provider.id for provider in catalogue.providers}
    assert set(PROVIDERS.values()) - {ANY} <= known


def test_a_catalogues_price_changes_on_its_day(catalogue: Catalogue) -> None:
    """OpenAI's tiers have prices of their own in the list since 2026-10-12, and none before."""
    prices = book(catalogue)
    day = ms(2026, 10, 12)
    before, after = (prices.find("openai", "c", "gpt-5", "gpt-5", at) for at in (day - 1, day))
    assert before is not None
    assert after is not None
    assert "priority" not in before.sheets
    assert after.sheets["priority"].flat.input == 2 * after.sheets[""].flat.input
    assert prices.find("openai", "c", "gpt-5", "gpt-5", NOW) is not None


def test_a_catalogues_price_changes_with_the_hour(catalogue: Catalogue) -> None:
    """DeepSeek's nights were cheap, through midnight."""
    prices = book(catalogue)
    hours = [prices.find("deepseek", "c", "deepseek-v4-pro", "", ms(2026, 11, 29, hour)) for hour in range(24)]
    told = [price.rates.input_per_mtok for price in hours if price is not None]
    assert [hour for hour, rate in enumerate(told) if rate == 1_320_000_000] == [1, 2, 3, 6, 7, 8, 9]
    assert len(told) == 24


def test_the_same_price_is_the_same_object(catalogue: Catalogue) -> None:
    prices = book(catalogue)
    assert prices.find("openai", "c", "gpt-5", "a", NOW) is prices.find("openai", "d", "gpt-5", "b", NOW + 1)


def test_the_operators_price_wins_everywhere(catalogue: Catalogue) -> None:
    prices = book(catalogue, own(1, "gpt-5"), own(2, "llama*"))
    assert found(prices, "gpt-5") == "own 1"
    assert found(prices, "llama3", kind="ollama") == "own 2"
    assert found(prices, "gpt-5-mini") == f"{catalogue.version} openai/gpt-5-mini"


def test_either_name_of_a_model_will_do(catalogue: Catalogue) -> None:
    prices = book(catalogue, own(1, "house-model"), own(2, "up-*"))
    assert [
        price and price.version
        for price in (
            prices.find("qwen", "c", "qwen-plus", "house-model", NOW),
            prices.find("qwen", "c", "up-model", "any", NOW),
            prices.find("qwen", "c", "qwen-plus", "any", NOW),
        )
    ] == ["own 1", "own 2", None]


def test_own_prices_are_dated(catalogue: Catalogue) -> None:
    prices = book(
        catalogue,
        own(1, "m", from_ms=100),
        own(2, "m", from_ms=300, until_ms=400),
        own(3, "m", from_ms=200),
    )
    times = (99, 100, 199, 200, 299, 300, 399, 400)
    assert [found(prices, "m", at_ms=at) for at in times] == [
        *(None, "own 1", "own 1", "own 3", "own 3", "own 2", "own 2", "own 3"),
    ]
    assert found(book(catalogue, own(4, "m", from_ms=7), own(5, "m", from_ms=7)), "m") == "own 5"


def test_the_more_specific_price_wins_whenever_it_began(catalogue: Catalogue) -> None:
    ladder = [
        own(1, "*", from_ms=900),
        own(2, "gpt-*", from_ms=800),
        own(3, "gpt-5*", from_ms=700),
        own(4, "gpt-5", from_ms=600),
        own(5, "*", channel="c", from_ms=500),
        own(6, "gpt-5", channel="c", from_ms=400),
    ]
    for rungs in range(len(ladder), 0, -1):
        assert found(book(catalogue, *ladder[:rungs]), "gpt-5") == f"own {rungs}"
    elsewhere = book(catalogue, *ladder)
    assert found(elsewhere, "gpt-5", channel="d") == "own 4"
    assert found(elsewhere, "gpt-5-mini", channel="d") == "own 3"
    assert found(elsewhere, "o3", channel="d") == "own 1"


def test_a_book_with_other_prices_of_the_operators(catalogue: Catalogue) -> None:
    """What is free and what is listed stays; so does the book itself."""
    first = book(catalogue, own(1, "gpt-5"))
    after = first.changed([*first.own, own(2, "gpt-5", channel="c")])
    assert found(after, "gpt-5") == own_version(2) == "own 2"
    assert found(after, "gpt-5", channel="d") == found(first, "gpt-5") == "own 1"
    without = after.changed(each for each in after.own if each.id != 2)
    assert without.own == first.own
    none = first.changed([])
    assert found(none, "gpt-5") == found(book(catalogue), "gpt-5") != "own 1"
    assert found(none, "m", kind="demo") == "free demo"


def test_own_prices_come_from_json() -> None:
    text = """{"id": 3, "model": "gpt-5*", "from_ms": 1760000000000, "rates": {"input_per_mtok": 1250000000,
        "tiers": [{"above_tokens": 200000, "rates": {"input_per_mtok": 2500000000}}],
        "service_tiers": {"batch": {"factor_ppm": 500000}}}}"""
    read = msgspec.json.decode(text, type=OwnPrice)
    assert read.rates.tiers[0].rates.input_per_mtok == 2_500_000_000
    for wrong in ('{"input_per_mtok": -1}', '{"input_per_mtok": 1.5}', '{"input_mtok": 1}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(wrong, type=Rates)
