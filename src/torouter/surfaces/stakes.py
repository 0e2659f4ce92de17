"""What a request may cost, before it is made: what its limits are asked to hold.

The dearest of the channels that could serve it counts, since nobody knows yet which of them will.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from torouter.access.admission import Admission
from torouter.access.guards import shown
from torouter.access.reserving import Stake
from torouter.errors import AccessError, RequestError
from torouter.ledger.holds import expected_tokens, hold_nusd, unbounded_param, worst_tokens
from torouter.ledger.prices import Price, UnknownPrice
from torouter.relay.call import Call
from torouter.relay.others import NO_OTHERS, Others
from torouter.relay.settling import Prices
from torouter.routing.snapshot import Candidate
from torouter.units import Dialect

__all__ = ["Stakes", "short_body"]

_LIMIT_NAMES: Final[dict[Dialect, str]] = {
    "openai-chat": "max_tokens",
    "openai-responses": "max_output_tokens",
    "anthropic": "max_tokens",
    "gemini": "generationConfig.maxOutputTokens",
}


class Stakes:
    """`prices` are the newest each time. `unknown` says what becomes of models without a price."""

    __slots__ = ("_now_ms", "_prices", "_unknown")

    def __init__(self, prices: Prices, now_ms: Callable[[], int], unknown: UnknownPrice) -> None:
        self._prices = prices
        self._now_ms = now_ms
        self._unknown = unknown

    def check_price(self, admission: Admission, call: Call) -> None:
        """For a key without limits. Raises `AccessError` where models without a price are served to nobody."""
        if self._unknown == "refuse" and call.operation != "count_tokens":
            for _ in self._priced(admission):
                pass

    def stake(
        self,
        body: bytes,
        admission: Admission,
        call: Call,
        *,
        multiplier_ppm: int,
        is_strict: bool,
        has_money: bool,
        counts_tokens: bool,
        others: Others = NO_OTHERS,
    ) -> Stake:
        """`has_money`: is there a limit on money? `counts_tokens`: is there one on tokens? `others` may stand in for
        the model, and must be paid for too. Raises `AccessError` for a model without a price, and `RequestError` where
        a strict key asks for something without a bound."""
        if call.operation == "count_tokens" or not (has_money or counts_tokens):
            self.check_price(admission, call)
            return Stake()
        ceiling = call.codec.ceiling(call.operation, body)
        read, written = expected_tokens(call.operation, len(body), ceiling.output_tokens)
        written *= ceiling.choices
        if not has_money:
            self.check_price(admission, call)
            return Stake(0, read + written)
        held = 0
        for candidate, price in self._priced(admission, *others.context_length, *others.outage, is_limited=True):
            if is_strict:
                worst = worst_tokens(call.operation, body, ceiling.output_tokens, candidate.facts, ceiling.choices)
                if worst is None:
                    raise _unbounded(body, call)
                held = max(held, hold_nusd(price, *worst, multiplier_ppm, is_worst=True))
            else:
                held = max(held, hold_nusd(price, read, written, multiplier_ppm))
        return Stake(held, read + written)

    def with_prices(self, others: Others, *, is_limited: bool) -> Others:
        """Without those models that would not be served for want of a price."""

        def priced(admissions: tuple[Admission, ...]) -> tuple[Admission, ...]:
            return tuple(each for each in admissions if self._has_prices(each, is_limited=is_limited))

        return Others(priced(others.context_length), priced(others.outage))

    def _has_prices(self, admission: Admission, *, is_limited: bool) -> bool:
        try:
            for _ in self._priced(admission, is_limited=is_limited):
                pass
        except AccessError:
            return False
        return True

    def _priced(self, *admissions: Admission, is_limited: bool = False) -> Iterator[tuple[Candidate, Price]]:
        """Of every candidate that has one. Raises `AccessError` where all must."""
        now_ms = self._now_ms()
        for admission in admissions:
            model = admission.route.model
            for candidate in admission.route.candidates:
                channel = candidate.channel
                price = self._prices.find(channel.kind.name, channel.name, candidate.upstream_model, model, now_ms)
                if price is not None:
                    yield candidate, price
                elif self._unknown == "refuse" or (is_limited and self._unknown == "refuse-if-limited"):
                    raise _unpriced(admission.model, is_limited)


def short_body(dialect: Dialect, model: str, output_tokens: int | None) -> bytes:
    """Of a request of a few words, as far as its weight goes."""
    said: object = output_tokens
    for name in reversed(_LIMIT_NAMES[dialect].split(".")):
        said = {name: said}
    limit = said if output_tokens is not None and isinstance(said, dict) else {}
    return msgspec.json.encode({"model": model, "messages": [{"role": "user", "content": "Hello"}], **limit})


def _unpriced(model: str, is_limited: bool) -> AccessError:
    why = "and spending is limited here" if is_limited else "and nothing is served without one"
    return AccessError(
        f"The model `{shown(model)}` has no price on one of its channels, {why}. The operator can set one.",
        type="ACCESS_DENIED",
        code="model_not_priced",
        param="model",
    )


def _unbounded(body: bytes, call: Call) -> RequestError:
    param = unbounded_param(call.operation, body, _LIMIT_NAMES[call.codec.dialect])
    return RequestError(
        f"This API key is strict: it is served only what has a known greatest cost. See to `{param}`: say how long an "
        "answer may be, and leave out what the provider would run or look up by itself.",
        code="unbounded_cost",
        param=param,
    )
