"""What tokens cost: whole nano-dollars per million tokens, with tiers by the prompt's size and by how it was served.

A rate that is not given is another one's, as vendors mean it: a cache read costs what input does until somebody says
otherwise. `flat` is where those rules stand; all that follows works on what it gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, NamedTuple

import msgspec

__all__ = ["UNIT_PPM", "ContextTier", "Flat", "Price", "Rates", "ServiceTier", "Sheet", "flat", "sheets"]

UNIT_PPM: Final = 1_000_000
"""A factor of 1, in parts per million."""

_Nusd = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
_Tokens = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
_Ppm = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]


class Rates(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """In nano-dollars per million tokens. `None` is another rate: `cache_read`, `cache_write_5m`, `input_audio` and
    `input_image` are input's then, `cache_write_1h` is `cache_write_5m`'s, `cache_audio_read` is `cache_read`'s if that
    is given and `input_audio`'s otherwise, and `reasoning`, `output_audio` and `output_image` are output's.
    `request_nusd` is added once to each request, and `web_search_nusd` for each search that the usage tells of."""

    input_per_mtok: _Nusd = 0
    output_per_mtok: _Nusd = 0
    cache_read_per_mtok: _Nusd | None = None
    cache_write_5m_per_mtok: _Nusd | None = None
    cache_write_1h_per_mtok: _Nusd | None = None
    reasoning_per_mtok: _Nusd | None = None
    input_audio_per_mtok: _Nusd | None = None
    input_image_per_mtok: _Nusd | None = None
    cache_audio_read_per_mtok: _Nusd | None = None
    output_audio_per_mtok: _Nusd | None = None
    output_image_per_mtok: _Nusd | None = None
    request_nusd: _Nusd = 0
    web_search_nusd: _Nusd = 0
    tiers: tuple[ContextTier, ...] = ()
    """By the size of the prompt: the last one that it is above prices the whole request."""
    service_tiers: dict[str, ServiceTier] = {}
    """By the upstream's word for how it served the request. A word that is not among them has the standard rates."""


class ContextTier(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The rates of requests with more input tokens than `above_tokens`, cached ones included. Tiers within `rates` are
    not read."""

    above_tokens: _Tokens
    rates: Rates


class ServiceTier(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Rates of its own, with context tiers of their own, or all of the standard ones times a factor."""

    rates: Rates | None = None
    factor_ppm: _Ppm = UNIT_PPM


class Flat(NamedTuple):
    """Every rate spelled out."""

    input: int
    input_audio: int
    input_image: int
    cache_read: int
    cache_audio_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    output_audio: int
    output_image: int
    reasoning: int
    request_nusd: int
    web_search_nusd: int


class Sheet(NamedTuple):
    """The rates of one service tier: those of small prompts, and those above so many tokens, the largest first."""

    flat: Flat
    tiers: tuple[tuple[int, Flat], ...]


@dataclass(frozen=True, slots=True)
class Price:
    """Rates, and where they are from: `genai-prices 0.2.3 openai/gpt-5`, `own 17`, `free ollama`."""

    version: str
    rates: Rates
    sheets: Mapping[str, Sheet] = field(init=False, repr=False, compare=False)
    """By the name of the service tier; the standard one's name is empty."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sheets", sheets(self.rates))


def flat(rates: Rates, factor_ppm: int = UNIT_PPM) -> Flat:
    """Rounded half up where a factor leaves a fraction."""
    text_in, text_out = rates.input_per_mtok, rates.output_per_mtok
    audio_in = _or(rates.input_audio_per_mtok, text_in)
    read = _or(rates.cache_read_per_mtok, text_in)
    written = _or(rates.cache_write_5m_per_mtok, text_in)
    all_rates = (
        text_in,
        audio_in,
        _or(rates.input_image_per_mtok, text_in),
        read,
        _or(rates.cache_audio_read_per_mtok, audio_in if rates.cache_read_per_mtok is None else read),
        written,
        _or(rates.cache_write_1h_per_mtok, written),
        text_out,
        _or(rates.output_audio_per_mtok, text_out),
        _or(rates.output_image_per_mtok, text_out),
        _or(rates.reasoning_per_mtok, text_out),
        rates.request_nusd,
        rates.web_search_nusd,
    )
    return Flat(*((rate * factor_ppm + UNIT_PPM // 2) // UNIT_PPM for rate in all_rates))


def sheets(rates: Rates) -> Mapping[str, Sheet]:
    """By the name of the service tier; the standard one's name is empty."""
    found = {"": _sheet(rates, UNIT_PPM)}
    for name, tier in rates.service_tiers.items():
        found[name] = _sheet(rates if tier.rates is None else tier.rates, tier.factor_ppm)
    return found


def _sheet(rates: Rates, factor_ppm: int) -> Sheet:
    tiers = sorted(rates.tiers, key=lambda tier: tier.above_tokens, reverse=True)
    return Sheet(flat(rates, factor_ppm), tuple((tier.above_tokens, flat(tier.rates, factor_ppm)) for tier in tiers))


def _or(rate: int | None, otherwise: int) -> int:
    return otherwise if rate is None else rate
