"""What a request cost, in parts that can be added up again: tokens times rate times multiplier, in whole numbers.

A part is `tokens × nano-dollars per million tokens × multiplier in ppm ÷ 10¹²`, rounded half up to a nano-dollar, and
the total is the sum of the rounded parts. Nothing here is a float.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from torouter.canon.usage import Usage
from torouter.ledger.rates import Flat, Price

__all__ = ["Cost", "Part", "cost", "parts_text", "read_parts"]

_SCALE: Final = 1_000_000_000_000
_HALF: Final = _SCALE // 2
_MTOK: Final = 1_000_000

Part = tuple[str, int, int, int]
"""Its name, tokens, rate in nano-dollars per million tokens, and what they cost. The parts `request` and `web_search`
count those instead, at the price of a million of them."""


class Cost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`service_tier` is the tier whose rates were taken, empty for the standard ones; `above_tokens` the context tier,
    0 for the lowest."""

    total_nusd: int = 0
    multiplier_ppm: int
    service_tier: str = ""
    above_tokens: int = 0
    parts: tuple[Part, ...] = ()


def cost(price: Price, usage: Usage, multiplier_ppm: int, service_tier: str = "") -> Cost:
    """`service_tier` empty is the one that the usage tells."""
    tier = service_tier or usage.service_tier
    sheet = price.sheets.get(tier)
    if sheet is None:
        tier, sheet = "", price.sheets[""]
    rates, above = sheet.flat, 0
    if sheet.tiers:
        size = usage.total_input_tokens
        for start, tiered in sheet.tiers:
            if size > start:
                rates, above = tiered, start
                break
    parts: list[Part] = []
    total = 0
    audio_in, image_in = usage.audio_input_tokens, usage.image_input_tokens
    audio_out, image_out = usage.audio_output_tokens, usage.image_output_tokens
    audio_read = usage.audio_cache_read_tokens
    for name, tokens, rate in (
        ("input", usage.input_tokens - audio_in - image_in, rates.input),
        ("input_audio", audio_in, rates.input_audio),
        ("input_image", image_in, rates.input_image),
        ("input_tools", usage.tool_input_tokens, rates.input),
        ("cache_read", usage.cache_read_tokens - audio_read, rates.cache_read),
        ("cache_audio_read", audio_read, rates.cache_audio_read),
        ("cache_write_5m", usage.cache_write_5m_tokens + usage.cache_write_tokens, rates.cache_write_5m),
        ("cache_write_1h", usage.cache_write_1h_tokens, rates.cache_write_1h),
        ("output", usage.output_tokens - audio_out - image_out, rates.output),
        ("output_audio", audio_out, rates.output_audio),
        ("output_image", image_out, rates.output_image),
        ("reasoning", usage.reasoning_tokens, rates.reasoning),
    ):
        if tokens > 0:
            nusd = (tokens * rate * multiplier_ppm + _HALF) // _SCALE
            parts.append((name, tokens, rate, nusd))
            total += nusd
    if rates.request_nusd or usage.web_searches:
        for part in _counted(rates, usage, multiplier_ppm):
            parts.append(part)
            total += part[3]
    return Cost(
        total_nusd=total, multiplier_ppm=multiplier_ppm, service_tier=tier, above_tokens=above, parts=tuple(parts)
    )


def _counted(rates: Flat, usage: Usage, multiplier_ppm: int) -> Iterator[Part]:
    for name, count, each_nusd in (
        ("request", 1, rates.request_nusd),
        ("web_search", usage.web_searches, rates.web_search_nusd),
    ):
        if count and each_nusd:
            rate = each_nusd * _MTOK
            yield name, count, rate, (count * rate * multiplier_ppm + _HALF) // _SCALE


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Cost).decode


def parts_text(cost: Cost) -> str:
    """For the usage row: compact JSON, from which the bill can be added up again."""
    return _encode(cost).decode()


def read_parts(text: str) -> Cost:
    """Raises `msgspec.DecodeError` for what `parts_text` did not write."""
    return _decode(text)
