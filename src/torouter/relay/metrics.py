"""The counters in the form that Prometheus' library renders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from torouter.ledger.books import Books
from torouter.relay.counters import FIRST_TOKEN_BUCKETS_MS, LATENCY_BUCKETS_S, Counters
from torouter.routing.planner import Planner
from torouter.routing.reports import State
from torouter.routing.snapshot import Snapshot

__all__ = ["Channels", "CountersCollector"]


class Channels(NamedTuple):
    """`waiting` says how many requests wait for room at a channel. `clock` is the one that health goes by."""

    planner: Planner
    snapshot: Callable[[], Snapshot]
    clock: Callable[[], float]
    waiting: Callable[[str], int] = lambda channel: 0


class CountersCollector(Collector):
    """Of this process: with several workers each answers for itself. No label is a caller's to choose: models are
    counted, not named."""

    def __init__(self, counters: Counters, books: Books, channels: Channels) -> None:
        self._counters = counters
        self._books = books
        self._channels = channels

    def collect(self) -> Iterator[Metric]:
        counters = self._counters
        requests = CounterMetricFamily(
            "torouter_requests", "Requests answered.", labels=("dialect", "operation", "status")
        )
        for (dialect, operation, status), count in counters.requests.items():
            requests.add_metric((dialect, operation, str(status)), count)
        yield requests
        failures = CounterMetricFamily(
            "torouter_attempt_failures", "Attempts that failed; status 0: no answer.", labels=("channel", "status")
        )
        for (channel, status), count in counters.attempt_failures.items():
            failures.add_metric((channel, str(status)), count)
        yield failures
        tokens = CounterMetricFamily("torouter_tokens", "Tokens reported.", labels=("channel", "direction"))
        for (channel, direction), count in counters.tokens.items():
            tokens.add_metric((channel, direction), count)
        yield tokens
        yield GaugeMetricFamily("torouter_requests_in_flight", "Requests being served.", counters.in_flight)
        yield from self._of_attempts()
        yield from self._of_channels()
        yield from self._of_money()
        latency = HistogramMetricFamily("torouter_latency_seconds", "From the request's last byte to the answer's.")
        latency.add_metric((), _buckets(LATENCY_BUCKETS_S, counters.latency_counts), counters.latency_sum_s)
        yield latency

    def _of_attempts(self) -> Iterator[Metric]:
        counters = self._counters
        attempts = CounterMetricFamily(
            "torouter_attempts", "Attempts that have ended.", labels=("channel", "picked", "outcome", "left_for")
        )
        for labels, (count, *_) in counters.attempts.items():
            attempts.add_metric(labels, count)
        yield attempts
        for name, picked, about in (
            ("torouter_retries", "again", "Attempts at a candidate that had failed before."),
            ("torouter_hedges", "hedge", "Attempts beside one that was slow."),
        ):
            yield CounterMetricFamily(
                name, about, sum(count for labels, (count, *_) in counters.attempts.items() if labels[1] == picked)
            )
        fallbacks = CounterMetricFamily(
            "torouter_fallbacks", "Requests for which another model was asked.", labels=("cause",)
        )
        for cause, count in counters.fallbacks.items():
            fallbacks.add_metric((cause,), count)
        yield fallbacks
        yield self._first_tokens()

    def _first_tokens(self) -> Metric:
        sums: dict[str, list[int]] = {}
        for (channel, *_), (_, *told) in self._counters.attempts.items():
            sums[channel] = [one + other for one, other in zip(sums.get(channel, [0] * len(told)), told, strict=True)]
        waits = HistogramMetricFamily(
            "torouter_first_token_seconds", "From asking a channel to the first of its answer.", labels=("channel",)
        )
        bounds_s = [bound_ms / 1000 for bound_ms in FIRST_TOKEN_BUCKETS_MS]
        for channel, (sum_ms, *counts) in sums.items():
            waits.add_metric((channel,), _buckets(bounds_s, counts), sum_ms / 1000)
        return waits

    def _of_channels(self) -> Iterator[Metric]:
        planner, snapshot, clock, waiting = self._channels
        in_flight = GaugeMetricFamily("torouter_channel_in_flight", "Attempts that are under way.", labels=("channel",))
        queued = GaugeMetricFamily(
            "torouter_channel_waiting", "Requests that wait for room under its cap.", labels=("channel",)
        )
        states = GaugeMetricFamily(
            "torouter_channel_models", "Models, at each credential, by how they fare.", labels=("channel", "state")
        )
        counted = Counter((report.channel, report.state) for report in planner.health.reports(clock()))
        for name in [channel.name for channel in snapshot().channels]:
            in_flight.add_metric((name,), planner.in_flight(name))
            queued.add_metric((name,), waiting(name))
            for state in get_args(State):
                states.add_metric((name, state), counted[name, state])
        yield from (in_flight, queued, states)

    def _of_money(self) -> Iterator[Metric]:
        counters, books = self._counters, self._books
        cost = CounterMetricFamily("torouter_cost_nusd", "Charged, in nano-dollars.", labels=("channel",))
        for channel, nusd in counters.cost_nusd.items():
            cost.add_metric((channel,), nusd)
        yield cost
        unpriced = CounterMetricFamily("torouter_unpriced", "Requests whose tokens have no price.", labels=("channel",))
        for channel, count in counters.unpriced.items():
            unpriced.add_metric((channel,), count)
        yield unpriced
        yield CounterMetricFamily("torouter_drains", "Answers read on without their client.", counters.drains)
        yield GaugeMetricFamily("torouter_draining", "Answers being read on without their client.", counters.draining)
        yield GaugeMetricFamily("torouter_usage_rows_waiting", "Usage rows not stored yet.", books.waiting_rows)
        yield GaugeMetricFamily("torouter_journal_bytes", "Of the journal that is not stored yet.", books.waiting_bytes)
        yield CounterMetricFamily(
            "torouter_journal_failures", "Entries that were in memory only until stored.", books.journal_failures
        )


def _buckets(bounds_s: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    names = [*(str(bound) for bound in bounds_s), "+Inf"]
    return list(zip(names, accumulate(counts), strict=True))
