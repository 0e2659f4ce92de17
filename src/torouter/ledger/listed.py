"""The price list of genai-prices in our own compact form: which model a name means there, and its rates at a time.

Importing the package would bring pydantic and an HTTP client into every process, so the list is compiled once
(`ledger/catalog.py`) and read from a file. A provider's models are decoded when the first of them is asked for. What a
name means, and which price of several holds, is decided as the package decides it; tests hold one to the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property, lru_cache
from typing import Final

import msgspec

from torouter.ledger.clauses import Clause
from torouter.ledger.rates import ContextTier, Price, Rates, ServiceTier

__all__ = [
    "ANY",
    "FORM",
    "Catalogue",
    "Daily",
    "Dated",
    "Document",
    "From",
    "Listed",
    "Model",
    "Prices",
    "Provider",
    "Tiered",
    "Variant",
]

FORM: Final = 2
"""Of the file. A file of another form is written anew."""
ANY: Final = "*"
"""In the place of a provider: whoever the name means, by its prefix (`anthropic/claude-…`) or by its look."""

_DAY_MS: Final = 86_400_000
_REMEMBERED_NAMES: Final = 4096
_COMPACT_DATE: Final = re.compile(r"(-)(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")
_ALWAYS: Final = (0, 1 << 62)


class From(msgspec.Struct, frozen=True, array_like=True, tag="from"):
    """Holds from this moment on, in ms since the epoch."""

    from_ms: int

    def is_active(self, at_ms: int) -> bool:
        return at_ms >= self.from_ms

    def edges(self, at_ms: int) -> tuple[int, ...]:
        return (self.from_ms,)


class Daily(msgspec.Struct, frozen=True, array_like=True, tag="daily"):
    """Holds between two times of each day, in ms since midnight UTC; past midnight if it ends before it starts."""

    start_ms: int
    end_ms: int

    def is_active(self, at_ms: int) -> bool:
        time_ms = at_ms % _DAY_MS
        if self.end_ms < self.start_ms:
            return time_ms >= self.start_ms or time_ms < self.end_ms
        return self.start_ms <= time_ms < self.end_ms

    def edges(self, at_ms: int) -> tuple[int, ...]:
        """Those around a moment: of its day and of the days beside it."""
        midnight = at_ms - at_ms % _DAY_MS
        days = (midnight - _DAY_MS, midnight, midnight + _DAY_MS)
        return tuple(day + time for day in days for time in (self.start_ms, self.end_ms))


class Tiered(msgspec.Struct, frozen=True, array_like=True):
    """A rate, and those above so many input tokens, the smallest first."""

    base: int
    tiers: tuple[tuple[int, int], ...]

    def above(self, tokens: int) -> int:
        return next((rate for start, rate in reversed(self.tiers) if tokens >= start), self.base)


Prices = dict[str, int | Tiered]
"""By the names that `Rates` has for them."""


class Dated(msgspec.Struct, frozen=True, array_like=True):
    """`prices` is `None` where the package's are of things that are not counted here (hours of sound, pages)."""

    when: From | Daily | None
    prices: Prices | None


class Variant(msgspec.Struct, frozen=True, array_like=True):
    """Other prices for some of the rates where the request was served in this tier."""

    tier: str
    when: From | Daily | None
    prices: Prices


class Model(msgspec.Struct, frozen=True, array_like=True):
    """Of several prices the last one that is active holds, and the first if none is. `context_tokens`: how much goes
    into a request with its answer; `None`: the list does not say."""

    id: str
    match: Clause
    prices: tuple[Dated, ...]
    variants: tuple[Variant, ...] = ()
    context_tokens: int | None = None


class Provider(msgspec.Struct, dict=True):
    """`models` is decoded when asked for. `looks`: which models' names are this provider's, `called`: which other
    names it has itself."""

    id: str
    models: msgspec.Raw
    looks: Clause | None = None
    called: Clause | None = None
    fallbacks: tuple[str, ...] = ()

    @cached_property
    def model_list(self) -> tuple[Model, ...]:
        return _decode_models(self.models)

    def model(self, name: str) -> Model | None:
        return next((model for model in self.model_list if model.match.is_match(name)), None)


class Document(msgspec.Struct):
    form: int
    version: str
    providers: list[Provider]


_decode_models = msgspec.json.Decoder(tuple[Model, ...]).decode
_decode_document = msgspec.json.Decoder(Document).decode


class Listed:
    """A model as a provider sells it. A model of another vendor's list has that list's standard prices only."""

    def __init__(self, version: str, model: Model, *, is_own: bool) -> None:
        self.version = version
        self._model = model
        self._variants = model.variants if is_own else ()
        self._seen: tuple[int, int, Price | None] = (1, 0, None)

    @property
    def context_tokens(self) -> int | None:
        return self._model.context_tokens

    def price_at(self, at_ms: int) -> Price | None:
        """The same object for as long as the same prices hold."""
        begins, ends, price = self._seen
        if not begins <= at_ms < ends:
            price = self._made(at_ms)
            self._seen = (*self._window(at_ms), price)
        return price

    def _window(self, at_ms: int) -> tuple[int, int]:
        """Between which two moments nothing changes."""
        conditions = [*(each.when for each in self._model.prices), *(each.when for each in self._variants)]
        edges = [edge for each in conditions if each is not None for edge in each.edges(at_ms)]
        before = [edge for edge in edges if edge <= at_ms]
        after = [edge for edge in edges if edge > at_ms]
        return max(before, default=_ALWAYS[0]), min(after, default=_ALWAYS[1])

    def _made(self, at_ms: int) -> Price | None:
        listed = self._model.prices
        standard = next((each for each in reversed(listed) if _is_active(each.when, at_ms)), listed[0])
        if standard.prices is None:
            return None
        tiers: dict[str, Prices] = {}
        for variant in self._variants:  # the first that names a rate has it
            if _is_active(variant.when, at_ms):
                tiers[variant.tier] = variant.prices | tiers.get(variant.tier, {})
        service = {name: ServiceTier(rates=_rates(standard.prices | changed)) for name, changed in tiers.items()}
        return Price(self.version, msgspec.structs.replace(_rates(standard.prices), service_tiers=service))


def _is_active(when: From | Daily | None, at_ms: int) -> bool:
    return when is None or when.is_active(at_ms)


def _rates(prices: Prices) -> Rates:
    """Each rate has tiers of its own in the list; here a tier has all rates."""
    starts = sorted({start for each in prices.values() if isinstance(each, Tiered) for start, _ in each.tiers})
    tiers = tuple(ContextTier(above_tokens=start, rates=_above(prices, start)) for start in starts)
    return msgspec.structs.replace(_above(prices, -1), tiers=tiers)


def _above(prices: Prices, tokens: int) -> Rates:
    told = {name: each.above(tokens) if isinstance(each, Tiered) else each for name, each in prices.items()}
    return msgspec.convert(told, Rates)


class Catalogue:
    """A compiled price list. Raises `msgspec.DecodeError` for a document that is none, or of another form."""

    def __init__(self, document: bytes) -> None:
        read = _decode_document(document)
        if read.form != FORM:
            raise msgspec.ValidationError(f"the price list is of form {read.form}, not {FORM}")
        self.version = read.version
        self._providers: Mapping[str, Provider] = {provider.id: provider for provider in read.providers}
        self.providers = tuple(read.providers)
        self.find = lru_cache(_REMEMBERED_NAMES)(self._find)

    def _find(self, provider: str, upstream_model: str) -> Listed | None:
        """Of a provider by its id in the package, or `*`. `None` where the list does not know the model."""
        name = upstream_model.lower()
        seller, name = self._meant(name) if provider == ANY else (self._providers.get(provider), name)
        if seller is None:
            return None
        for spelled in dict.fromkeys((name, _dashed(name))):
            for owner in self._owners(seller):
                if (model := owner.model(spelled)) is not None:
                    version = f"{self.version} {seller.id}/{model.id}"
                    return Listed(version, model, is_own=owner is seller)
        return None

    def _owners(self, seller: Provider) -> Iterable[Provider]:
        yield seller
        yield from (self._providers[name] for name in seller.fallbacks if name in self._providers)

    def _meant(self, name: str) -> tuple[Provider | None, str]:
        prefix, slash, rest = name.partition("/")
        if prefix and slash and (seller := self._called(prefix)) is not None:
            return seller, rest
        looks = (each for each in self._providers.values() if each.looks is not None and each.looks.is_match(name))
        return next(looks, None), name

    def _called(self, name: str) -> Provider | None:
        name = name.strip()
        if (exact := self._providers.get(name)) is not None:
            return exact
        called = (each for each in self._providers.values() if each.called is not None and each.called.is_match(name))
        return next(called, None)


def _dashed(name: str) -> str:
    """`…-20251211` as `…-2025-12-11`: relays write dates that way, and the list does not."""

    def dashed(found: re.Match[str]) -> str:
        year, month, day = (int(found.group(place)) for place in (2, 3, 4))
        try:
            date(year, month, day)
        except ValueError:
            return found.group(0)
        return f"{found.group(1)}{year:04d}-{month:02d}-{day:02d}"

    return _COMPACT_DATE.sub(dashed, name)
