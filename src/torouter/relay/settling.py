"""Settling: what a request used and cost, written down once, and told to the limits that it was admitted by.

It happens before the bytes leave that make an answer whole, so that whoever has read a whole answer has paid for it,
whatever becomes of this process. Nothing of it waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from torouter.canon.usage import Usage
from torouter.ledger.books import Books, Entry, LedgerRow
from torouter.ledger.cost import cost, parts_text
from torouter.ledger.meters import Meters
from torouter.ledger.rates import Price
from torouter.relay.counters import Counters
from torouter.relay.passage import Passage
from torouter.relay.reckoning import reckoned, wasted
from torouter.relay.record import FREE, Charge, attempt_row, usage_row
from torouter.relay.trial import Trial
from torouter.relay.verdict import verdict_on
from torouter.routing.snapshot import Candidate
from torouter.units import wall_ms

__all__ = ["Prices", "Settling"]

_NO_USAGE: Final = Usage()


class Prices(Protocol):
    def find(self, kind: str, channel: str, upstream_model: str, model: str, at_ms: int, /) -> Price | None:
        """`kind` is the channel's; `model` the client's name. `None`: nobody knows."""
        ...


class Settling:
    """One per process. Without `prices` nothing has a price; without `meters` nobody has limits."""

    def __init__(
        self,
        *,
        books: Books,
        counters: Counters,
        prices: Prices | None,
        meters: Meters | None,
        clock: Callable[[], float],
    ) -> None:
        self._books = books
        self._counters = counters
        self._prices = prices
        self._meters = meters
        self._clock = clock

    def settle(self, passage: Passage) -> None:
        call, terms, candidate = passage.call, passage.terms, passage.candidate
        now_s, at_ms = self._clock(), wall_ms()
        outcome, status = passage.ended
        usage = _used(passage)
        charge = FREE
        if candidate is not None and (usage.quality != "none" or passage.attempt_outcome == "ok"):
            charge = self._charge(passage, candidate, usage, at_ms)
        channel = "" if candidate is None else candidate.channel.name
        latency_s = now_s - passage.exchange.started_s
        self._counters.settled((call.codec.dialect, call.operation, status), channel, usage, latency_s)
        if charge.cost_nusd:
            self._counters.cost_nusd[channel] += charge.cost_nusd
        row = usage_row(passage, usage, charge, at_ms=at_ms, status=status, outcome=outcome, now_s=now_s)
        attempts = passage.attempts
        if passage.asked_s is not None:
            attempts = (*attempts, _served(passage, charge, at_ms, now_s))
        if passage.observer is not None:
            losses = () if passage.delivery is None else passage.delivery.losses
            passage.observer.settled(passage, losses, row, charge)
        self._counters.attempted(attempts)
        self._books.settle(Entry(row, attempts, terms.plan_windows, terms.is_windowed, terms.address))
        if terms.hold is not None and self._meters is not None:
            self._meters.settle(terms.hold, charge.cost_nusd, usage.total_tokens)

    def wasted_nusd(self, passage: Passage, trial: Trial) -> int:
        """About what an attempt has cost that did not become the answer, or not its end: its prompt, and what came of
        its answer."""
        candidate, body = trial.candidate, passage.exchange.body
        if candidate is None:
            return 0
        used = wasted(trial.delivery, passage.call, candidate.dialect, body)
        return self._charge(passage, candidate, used, wall_ms()).cost_nusd

    def _charge(self, passage: Passage, candidate: Candidate, usage: Usage, at_ms: int) -> Charge:
        prices, is_used = self._prices, usage.quality != "none"
        if passage.call.operation == "count_tokens":
            return FREE
        channel, model = candidate.channel, passage.admission.route.model
        price = None
        if prices is not None:
            price = prices.find(channel.kind.name, channel.name, candidate.upstream_model, model, at_ms)
        if price is None:
            self._counters.unpriced[channel.name] += is_used
            return FREE
        amount = cost(price, usage, passage.terms.multiplier_ppm)
        return Charge(amount.total_nusd, price.version, parts_text(amount))


def _used(passage: Passage) -> Usage:
    delivery, candidate = passage.delivery, passage.candidate
    if delivery is None or candidate is None:
        return _NO_USAGE
    is_error = passage.is_error
    if is_error and not passage.exchange.has_begun:
        return _NO_USAGE
    told = delivery.usage()
    if told.quality == "reported":
        return told
    return reckoned(told, delivery, passage.call, candidate.dialect, passage.exchange.body, is_error=is_error)


def _served(passage: Passage, charge: Charge, at_ms: int, now_s: float) -> LedgerRow:
    return attempt_row(
        passage,
        passage,
        cost_nusd=charge.cost_nusd,
        at_ms=at_ms,
        amount_nusd=-charge.cost_nusd if passage.terms.is_on_balance else 0,
        note="" if passage.terms.is_on_balance else "paid by a plan",
        status=0 if passage.response is None else passage.response.status,
        outcome=passage.attempt_outcome,
        left_for=_broken_by(passage),
        now_s=now_s,
    )


def _broken_by(passage: Passage) -> str:
    """The verdict on an answer that broke off with its client looking on."""
    failure = None if passage.delivery is None else passage.delivery.failure
    return "" if failure is None else verdict_on(failure).name
