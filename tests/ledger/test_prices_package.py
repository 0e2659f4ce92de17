"""The compiled price list decides as the package does: which model a name means, at what rates, and to what total."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import calc_price, types
from genai_prices.data import providers
from genai_prices.data_snapshot import get_snapshot

from torouter.canon.usage import Usage
from torouter.ledger.compiler import KNOWN, compiled
from torouter.ledger.cost import cost
from torouter.ledger.listed import ANY, Catalogue
from torouter.ledger.rates import Price

COUNTED = {
    *("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok"),
    *("output_reasoning_mtok", "input_audio_mtok", "cache_audio_read_mtok", "output_audio_mtok", "input_image_mtok"),
    *("output_image_mtok", "requests_kcount"),
}
CONTEXTS = [
    *(("", {}), ("batch", {"processing": "batch"}), ("flex", {"service_tier": "flex"})),
    *(("priority", {"service_tier": "priority"}), ("default", {"service_tier": "default"})),
]
"""Our word for a tier, and the package's context for it. (`fast` is two of its contexts; see below.)"""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIERS = sorted({0, 1, 32_000, 100_000, 128_000, 199_999, 200_000, 256_000, 272_000, 512_000, 524_288})


def texts(clause: object) -> Iterator[str]:
    """Names that a clause is about."""
    for value in vars(clause).values():
        if isinstance(value, str):
            yield value
        else:
            for inner in value:
                yield from texts(inner)


def names_of(model: types.ModelInfo) -> list[str]:
    told = [model.id, *texts(model.match)]
    return [*told, *(name.upper() for name in told), *(f"{name}-20251211" for name in told), f"{model.id}:free"]


def prices_of(model: types.ModelInfo) -> list[types.ModelPrice]:
    return [each.prices for each in model.prices] if isinstance(model.prices, list) else [model.prices]


def told_by(price: types.ModelPrice) -> dict[str, Decimal | types.TieredPrices]:
    return {name: value for name, value in vars(price).items() if value is not None}


def moments(model: types.ModelInfo, draw: random.Random) -> list[datetime]:
    """Now and at some time, and on both sides of every moment at which the model's prices change."""
    listed = model.prices if isinstance(model.prices, list) else []
    found = [datetime(2026, 11, 30, 12, tzinfo=UTC), EPOCH + timedelta(seconds=draw.randrange(1_900_000_000))]
    for each in (*listed, *(model.price_variants or ())):
        condition = each.constraint
        if isinstance(condition, types.StartDateConstraint):
            start = datetime.combine(condition.start_date, datetime.min.time(), UTC)
            found += [start, start - timedelta(milliseconds=1)]
        elif condition is not None:
            day = datetime(2026, 11, draw.randrange(1, 29), tzinfo=UTC)
            for time in (condition.start_time, condition.end_time):
                edge = datetime.combine(day, time)
                found += [edge, edge - timedelta(milliseconds=1)]
    return found


def some_usage(draw: random.Random) -> Usage:
    """Around the tiers' edges as often as anywhere."""
    total = max(0, draw.choice(TIERS) + draw.choice((0, 1, -1))) if draw.random() < 0.6 else draw.randrange(2_000_000)
    cuts = sorted(draw.randrange(total + 1) for _ in range(4))
    plain, read, written, hour, tools = (b - a for a, b in zip([0, *cuts], [*cuts, total], strict=True))
    output, reasoning = draw.randrange(200_000), draw.choice((0, draw.randrange(50_000)))
    has_media = draw.random() < 0.5
    audio_in = draw.randrange(plain + 1) if has_media else 0
    audio_out = draw.randrange(output + 1) if has_media else 0
    return Usage(
        input_tokens=plain,
        cache_read_tokens=read,
        cache_write_tokens=written // 2,
        cache_write_5m_tokens=written - written // 2,
        cache_write_1h_tokens=hour,
        tool_input_tokens=tools,
        output_tokens=output,
        reasoning_tokens=reasoning,
        audio_input_tokens=audio_in,
        image_input_tokens=draw.randrange(plain - audio_in + 1) if has_media else 0,
        audio_cache_read_tokens=draw.randrange(read + 1) if has_media else 0,
        audio_output_tokens=audio_out,
        image_output_tokens=draw.randrange(output - audio_out + 1) if has_media else 0,
        web_searches=draw.choice((0, 0, 3)),
    )


def theirs(usage: Usage) -> TheirUsage:
    written = usage.cache_write_tokens + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    return TheirUsage(
        input_tokens=usage.total_input_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=written,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        input_audio_tokens=usage.audio_input_tokens + usage.audio_cache_read_tokens,
        cache_audio_read_tokens=usage.audio_cache_read_tokens,
        input_image_tokens=usage.image_input_tokens,
        cache_image_read_tokens=0,
        input_video_tokens=0,
        output_tokens=usage.total_output_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
        output_audio_tokens=usage.audio_output_tokens,
        output_image_tokens=usage.image_output_tokens,
        output_video_tokens=0,
        output_citation_tokens=0,
        web_searches=usage.web_searches,
    )


def is_exact(price: types.ModelPrice) -> bool:
    """Are its rates whole nano-dollars? A few are thirds of something, or have been floats."""
    rates = [
        rate
        for value in told_by(price).values()
        for rate in ([value] if isinstance(value, Decimal) else [value.base, *(tier.price for tier in value.tiers)])
    ]
    return all(rate * 10**9 == int(rate * 10**9) for rate in rates)


def check_total(price: Price, usage: Usage, tier: str, calculated: types.PriceCalculation) -> None:
    found = cost(price, usage, 1_000_000, tier)
    ours = sum((Fraction(tokens * rate, 10**6) for _, tokens, rate, _ in found.parts), Fraction(0))
    expected = Fraction(calculated.total_price) * 10**9
    if is_exact(calculated.model_price):
        assert ours == expected
        rounded = int((calculated.total_price * 10**9).to_integral_value(ROUND_HALF_UP))
        assert abs(found.total_nusd - rounded) <= (len(found.parts) + 1) // 2  # each part is rounded by itself
        if len(found.parts) == 1:
            assert found.total_nusd == rounded
    else:
        assert abs(ours - expected) <= Fraction(usage.total_tokens, 2 * 10**6)
    assert abs(found.total_nusd - ours) <= Fraction(len(found.parts), 2)


@pytest.mark.parametrize("provider", providers, ids=lambda provider: provider.id)
def test_names_mean_the_same_model(provider: types.Provider, catalogue: Catalogue) -> None:
    pairs = 0
    for model in provider.models:
        for name in names_of(model):
            expected = provider.find_model(name, all_providers=providers)
            found = catalogue.find(provider.id, name)
            assert (expected is None) == (found is None), name
            if expected is not None and found is not None:
                assert found.version == f"{catalogue.version} {provider.id}/{expected.id}"
                pairs += 1
    assert pairs >= len(provider.models)


def test_a_name_alone_means_the_same_vendor(catalogue: Catalogue) -> None:
    snapshot = get_snapshot()
    names = [name for provider in providers for model in provider.models[:40] for name in (model.id, f"x/{model.id}")]
    names += [f"{provider.id}/{model.id}" for provider in providers for model in provider.models[:40]]
    names += [f"bedrock/{model.id}" for provider in providers[:4] for model in provider.models]
    met = 0
    for name in names:
        try:
            provider, model = snapshot.find_provider_model(name, None, "litellm", None)
        except LookupError:
            assert catalogue.find(ANY, name) is None, name
        else:
            found = catalogue.find(ANY, name)
            assert found is not None, name
            assert found.version == f"{catalogue.version} {provider.id}/{model.id}"
            met += 1
    assert met > 1000
    assert len(names) - met > 200


@pytest.mark.parametrize("provider", providers, ids=lambda provider: provider.id)
def test_totals_are_the_packages_to_the_nano_dollar(provider: types.Provider, catalogue: Catalogue) -> None:
    draw = random.Random(provider.id)
    checked = 0
    for model in provider.models:
        names = (name for name in names_of(model) if provider.find_model(name, all_providers=providers) is model)
        name = next(names, None)
        if name is None:  # another model of the list stands before it
            continue
        listed = catalogue.find(provider.id, name)
        assert listed is not None
        for at in moments(model, draw):
            price = listed.price_at((at - EPOCH) // timedelta(milliseconds=1))
            told = told_by(model.get_prices(at))
            assert (price is None) == (not told.keys() & COUNTED and not (not told and "free" in model.id))
            for tier, context in CONTEXTS if price is not None else ():
                usage = some_usage(draw)
                calculated = calc_price(
                    theirs(usage),
                    name,
                    provider_id=provider.id,
                    genai_request_timestamp=at,
                    price_context=context,
                )
                assert price is not None
                check_total(price, usage, tier, calculated)
                checked += 1
    priced = [model for model in provider.models if any(told_by(price).keys() & COUNTED for price in prices_of(model))]
    assert checked >= len(priced)


def test_fast_mode_has_its_price(catalogue: Catalogue) -> None:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    fast = [
        (provider, model, key)
        for provider in providers
        for model in provider.models
        for key in ("speed", "service_tier")
        if any(variant.when == {key: "fast"} for variant in model.price_variants or ())
    ]
    assert len(fast) > 20
    draw = random.Random("fast")
    for provider, model, key in fast:
        listed = catalogue.find(provider.id, model.id)
        assert listed is not None
        price = listed.price_at((at - EPOCH) // timedelta(milliseconds=1))
        usage = some_usage(draw)
        calculated = calc_price(
            theirs(usage), model.id, provider_id=provider.id, genai_request_timestamp=at, price_context={key: "fast"}
        )
        assert price is not None
        check_total(price, usage, "fast", calculated)


def test_every_price_is_of_a_sort_that_was_thought_of() -> None:
    told = {
        name
        for provider in providers
        for model in provider.models
        for price in prices_of(model)
        for name in told_by(price)
    }
    assert told - KNOWN == set()


def test_the_context_is_the_packages() -> None:
    book = Catalogue(compiled())
    told = 0
    for provider in providers:
        for model in provider.models:
            found = book.find(provider.id, model.id)
            theirs = provider.find_model(model.id, all_providers=providers)
            if found is not None and theirs is not None:
                assert found.context_tokens == theirs.context_window
                told += theirs.context_window is not None
    assert told > 100
