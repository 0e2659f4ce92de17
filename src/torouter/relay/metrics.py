"""The counters in the form that Prometheus' library renders."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from torouter.ledger.books import Books
from torouter.relay.counters import LATENCY_BUCKETS_S, Counters

__all__ = ["CountersCollector"]


class CountersCollector(Collector):
    """Of this process: with several workers each answers for itself."""

    def __init__(self, counters: Counters, books: Books) -> None:
        self._counters = counters
        self._books = books

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
        yield from self._of_money()
        latency = HistogramMetricFamily("torouter_latency_seconds", "From the request's last byte to the answer's.")
        bounds = [*(str(bound) for bound in LATENCY_BUCKETS_S), "+Inf"]
        latency.add_metric(
            (), list(zip(bounds, accumulate(counters.latency_counts), strict=True)), counters.latency_sum_s
        )
        yield latency

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
