"""Takes the price list of the installed genai-prices apart, into our own form.

This imports the package, and pydantic with it: it is for a process that ends (`ledger/catalog.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import msgspec

from torouter.ledger.clauses import AllOf, AnyOf, Clause, Contains, EndsWith, Equals, Matches, StartsWith
from torouter.ledger.listed import FORM, Daily, Dated, Document, From, Model, Prices, Provider, Tiered, Variant

if TYPE_CHECKING:
    from genai_prices import types

__all__ = ["KNOWN", "compiled"]

_PACKAGE: Final = "genai-prices"
_NUSD: Final = 1_000_000_000

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "input_mtok": ("input_per_mtok",),
    "output_mtok": ("output_per_mtok",),
    "cache_read_mtok": ("cache_read_per_mtok",),
    "cache_write_mtok": ("cache_write_5m_per_mtok", "cache_write_1h_per_mtok"),
    "cache_write_5m_mtok": ("cache_write_5m_per_mtok",),
    "cache_write_1h_mtok": ("cache_write_1h_per_mtok",),
    "output_reasoning_mtok": ("reasoning_per_mtok",),
    "input_audio_mtok": ("input_audio_per_mtok",),
    "cache_audio_read_mtok": ("cache_audio_read_per_mtok",),
    "output_audio_mtok": ("output_audio_per_mtok",),
    "input_image_mtok": ("input_image_per_mtok",),
    "output_image_mtok": ("output_image_per_mtok",),
}
"""The package's names for what is counted here; where two give the same rate the later one is the more exact."""
_BESIDE: Final = frozenset(
    {
        *("social_searches_kcount", "storage_searches_kcount", "code_executions_kcount"),
        *("cache_image_read_mtok", "input_video_mtok", "output_video_mtok", "output_citation_mtok"),
        *("audio_hours", "input_audio_hours", "output_audio_hours", "input_mchars", "input_text_messages_kcount"),
        *("input_document_kpages", "input_annotated_document_kpages", "rerank_searches_kcount", "input_gpixels"),
    }
)
"""What no upstream's usage tells us. A model that has no price but of these has none here; beside prices of tokens they
are left out, as the document says."""
_COUNTS: Final[Mapping[str, str]] = {"requests_kcount": "request_nusd", "web_searches_kcount": "web_search_nusd"}
"""For a thousand of them."""
_SEARCHES: Final = "web_searches_kcount"
KNOWN: Final = frozenset({*_NAMES, *_BESIDE, *_COUNTS})
"""A model with a price of a sort that is not among these has none here, until somebody has decided what it means."""
_TIER_KEYS: Final = frozenset({"service_tier", "processing", "speed"})
"""What of a request's context is a tier: a tier's word, `batch`, `fast`. Others (a route) are not known here."""


def compiled() -> bytes:
    """Imports the package."""
    from genai_prices.data import providers

    listed = [_provider(provider) for provider in providers]
    return msgspec.json.encode(Document(FORM, f"{_PACKAGE} {version(_PACKAGE)}", listed))


def _provider(provider: types.Provider) -> Provider:
    models = [_model(model) for model in provider.models]
    return Provider(
        id=provider.id,
        models=msgspec.Raw(msgspec.json.encode(models)),
        looks=None if provider.model_match is None else _clause(provider.model_match),
        called=None if provider.provider_match is None else _clause(provider.provider_match),
        fallbacks=tuple(provider.fallback_model_providers or ()),
    )


def _model(model: types.ModelInfo) -> Model:
    if isinstance(model.prices, list):
        dated = tuple(Dated(_when(each.constraint), _standard(model.id, each.prices)) for each in model.prices)
    else:
        dated = (Dated(None, _standard(model.id, model.prices)),)
    variants = tuple(_variants(model.price_variants or ()))
    return Model(model.id, _clause(model.match), dated, variants, model.context_window)


def _standard(model: str, price: types.ModelPrice) -> Prices | None:
    """A list without any price is a gift where the model's name says so, and otherwise has a gap."""
    told = _told(price)
    if not told:
        return {} if "free" in model else None
    return _prices(told) if _is_counted(told) else None


def _is_counted(told: Mapping[str, object]) -> bool:
    return not told.keys() <= {*_BESIDE, _SEARCHES} and told.keys() <= KNOWN


def _variants(variants: Iterable[types.PriceVariant]) -> Iterable[Variant]:
    for variant in variants:
        told = _told(variant.prices)
        if len(variant.when) == 1 and variant.when.keys() <= _TIER_KEYS and not told.keys() <= _BESIDE:
            yield Variant(next(iter(variant.when.values())), _when(variant.constraint), _prices(told))


def _told(price: types.ModelPrice) -> dict[str, Decimal | types.TieredPrices]:
    return {name: value for name, value in vars(price).items() if value is not None}


def _prices(told: Mapping[str, Decimal | types.TieredPrices]) -> Prices:
    found: Prices = {}
    for theirs, ours in _NAMES.items():
        if theirs in told:
            found |= dict.fromkeys(ours, _rate(told[theirs]))
    for theirs, name in _COUNTS.items():
        if isinstance(fee := told.get(theirs), Decimal):
            found[name] = _nusd(fee / 1000)
    return found


def _rate(price: Decimal | types.TieredPrices) -> int | Tiered:
    if isinstance(price, Decimal):
        return _nusd(price)
    return Tiered(_nusd(price.base), tuple((tier.start, _nusd(tier.price)) for tier in price.tiers))


def _nusd(usd: Decimal) -> int:
    """Rounded half up: a few of the list's prices are thirds, or have been floats."""
    return int((usd * _NUSD).to_integral_value(ROUND_HALF_UP))


def _when(constraint: types.StartDateConstraint | types.TimeOfDateConstraint | None) -> From | Daily | None:
    if constraint is None:
        return None
    if (start := getattr(constraint, "start_date", None)) is not None:
        return From(int(datetime.combine(start, time(), UTC).timestamp()) * 1000)
    return Daily(_time_ms(getattr(constraint, "start_time")), _time_ms(getattr(constraint, "end_time")))  # noqa: B009


def _time_ms(moment: time) -> int:
    """Since midnight UTC, where a time without a zone is."""
    at = datetime.combine(datetime(2000, 1, 1), moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    at = at.astimezone(UTC)
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 1000 + at.microsecond // 1000


def _clause(clause: object) -> Clause:
    match type(clause).__name__, next(iter(vars(clause).values())):
        case "ClauseEquals", str(text):
            return Equals(text.lower())
        case "ClauseStartsWith", str(text):
            return StartsWith(text.lower())
        case "ClauseEndsWith", str(text):
            return EndsWith(text.lower())
        case "ClauseContains", str(text):
            return Contains(text.lower())
        case "ClauseRegex", str(pattern):
            return Matches(pattern)
        case "ClauseOr", list(clauses):
            return AnyOf(tuple(map(_clause, clauses)))
        case "ClauseAnd", list(clauses):
            return AllOf(tuple(map(_clause, clauses)))
        case name, _:
            raise TypeError(f"{_PACKAGE} matches names in an unknown way: {name}")
