"""What is held for a request before its cost is known: what to expect, and for strict keys the most that it can cost.

A hold is no price: it is given back when the request is settled. The worst case is a bound, or there is none and a
strict key is refused; what it rests on stands in `ledger/bounds.py`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.canon.reasoning import ModelFacts
from torouter.canon.usage import Usage
from torouter.ledger.bounds import input_bound, rerank_bound, unbounded_field
from torouter.ledger.rates import Flat, Price, Sheet
from torouter.units import Operation

__all__ = ["estimated", "expected_tokens", "hold_nusd", "unbounded_param", "worst_tokens"]

_BYTES_PER_TOKEN: Final = 4
_USUAL_OUTPUT_TOKENS: Final = 1024
_MOST_EXPECTED_TOKENS: Final = 4096
_OVER_CEILING_TOKENS: Final = 16
"""For each choice: a server was recorded that wrote 11 tokens where 10 were allowed."""
_SILENT: Final[frozenset[Operation]] = frozenset({"embeddings", "rerank", "count_tokens"})
"""These answer no tokens that cost anything."""
_SCALE: Final = 1_000_000_000_000
_ROUNDING_NUSD: Final = 7
"""A cost has up to 13 parts, each rounded to the nearest nano-dollar."""


def expected_tokens(operation: Operation, body_bytes: int, ceiling_tokens: int | None) -> tuple[int, int]:
    """Input and output, roughly: four bytes make a token; an answer has as many tokens as it may, of an unlimited one
    1,024, and never more than 4,096."""
    if operation == "count_tokens":
        return 0, 0
    read = -(-body_bytes // _BYTES_PER_TOKEN)
    if operation in _SILENT:
        return read, 0
    return read, min(_USUAL_OUTPUT_TOKENS if ceiling_tokens is None else ceiling_tokens, _MOST_EXPECTED_TOKENS)


def worst_tokens(
    operation: Operation, body: bytes, ceiling_tokens: int | None, facts: ModelFacts, choices: int = 1
) -> tuple[int, int] | None:
    """Input and output, neither of which the answer's usage exceeds. `None`: no bound is known; `unbounded_param` has
    the reason. It may read the whole body."""
    if operation == "count_tokens":
        return 0, 0
    if operation == "rerank":
        return rerank_bound(body), 0
    if unbounded_field(body) is not None:
        return None
    if operation in _SILENT:
        return input_bound(body), 0
    each = facts.max_output_tokens if ceiling_tokens is None else ceiling_tokens
    if each is None:
        return None
    return input_bound(body), (each + _OVER_CEILING_TOKENS) * choices


def unbounded_param(operation: Operation, body: bytes, limit_name: str) -> str:
    """Which field has to change so that a request has a bound: `limit_name` (`max_tokens`, as the dialect calls it)
    unless a field of its body is at fault."""
    return unbounded_field(body) or limit_name


def hold_nusd(
    price: Price, input_tokens: int, output_tokens: int, multiplier_ppm: int, *, is_worst: bool = False
) -> int:
    """Rounded up. Expected: at the plain rates of input and output. `is_worst`: at the dearest rates that the price has
    for so many tokens or fewer, whichever tier serves them, so that no cost of theirs is above it."""
    if not is_worst:
        return _held(_flat_for(price.sheets[""], input_tokens), input_tokens, output_tokens, multiplier_ppm)
    reached = [flat for sheet in price.sheets.values() for flat in _reachable(sheet, input_tokens)]
    read = max(max(flat[:7]) for flat in reached)
    written = max(max(flat[7:11]) for flat in reached)
    fee = max(flat.request_nusd for flat in reached)
    exact = (input_tokens * read + output_tokens * written + fee * 1_000_000) * multiplier_ppm
    return -(-exact // _SCALE) + _ROUNDING_NUSD


def _held(flat: Flat, input_tokens: int, output_tokens: int, multiplier_ppm: int) -> int:
    per_million = input_tokens * flat.input + output_tokens * flat.output + flat.request_nusd * 1_000_000
    return -(-per_million * multiplier_ppm // _SCALE)


def _flat_for(sheet: Sheet, input_tokens: int) -> Flat:
    return next((flat for above, flat in sheet.tiers if input_tokens > above), sheet.flat)


def _reachable(sheet: Sheet, input_tokens: int) -> tuple[Flat, ...]:
    return (sheet.flat, *(flat for above, flat in sheet.tiers if input_tokens > above))


def estimated(usage: Usage, input_tokens: int, output_tokens: int) -> Usage:
    """A usage to charge where the upstream reported none, or was cut off before its final figures: what it did tell
    stands, and the estimate fills the rest. A reported usage is returned as it is."""
    if usage.quality == "reported":
        return usage
    missing_input = 0 if usage.total_input_tokens else input_tokens
    missing_output = max(0, output_tokens - usage.total_output_tokens)
    return msgspec.structs.replace(
        usage,
        input_tokens=usage.input_tokens + missing_input,
        output_tokens=usage.output_tokens + missing_output,
        quality="estimated",
    )
