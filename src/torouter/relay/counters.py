"""Figures for the metrics page: plain integers on the hot path, read and given names elsewhere."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from operator import itemgetter
from typing import Final

from torouter.canon.usage import Usage
from torouter.ledger.books import LedgerRow

__all__ = ["FIRST_TOKEN_BUCKETS_MS", "LATENCY_BUCKETS_S", "Counters"]

LATENCY_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)

FIRST_TOKEN_BUCKETS_MS: Final = (50, 100, 250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000)

_LABELS: Final = itemgetter(*map(LedgerRow._fields.index, ("channel", "picked", "outcome", "left_for")))
"""By number: half as dear as by name."""


class Counters:
    """Of one process, since its start. Latencies are from the request's last byte to the answer's."""

    __slots__ = (
        "attempt_failures",
        "attempts",
        "cost_nusd",
        "draining",
        "drains",
        "fallbacks",
        "in_flight",
        "latency_counts",
        "latency_sum_s",
        "requests",
        "tokens",
        "unpriced",
    )

    def __init__(self) -> None:
        self.in_flight = 0
        self.draining = 0
        self.drains = 0
        """Answers that were read on when their client had left."""
        self.cost_nusd: defaultdict[str, int] = defaultdict(int)
        """By channel."""
        self.unpriced: defaultdict[str, int] = defaultdict(int)
        """Requests that used tokens which have no price, by channel."""
        self.requests: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        """By (dialect, operation, status)."""
        self.attempt_failures: defaultdict[tuple[str, int], int] = defaultdict(int)
        """By (channel, upstream status; 0 without an answer)."""
        self.attempts: dict[tuple[str, str, str, str], list[int]] = {}
        """By (channel, why it was picked, outcome, why it was left; empty: it was not): how many, the sum of their
        first-token times in ms, and how many of these fell into each bucket."""
        self.fallbacks: defaultdict[str, int] = defaultdict(int)
        """Requests that another model was asked for, by cause."""
        self.tokens: defaultdict[tuple[str, str], int] = defaultdict(int)
        """By (channel, `input` or `output`)."""
        self.latency_counts = [0] * (len(LATENCY_BUCKETS_S) + 1)
        self.latency_sum_s = 0.0

    def settled(self, request: tuple[str, str, int], channel: str, usage: Usage, latency_s: float) -> None:
        """`channel` is empty where none was asked."""
        self.requests[request] += 1
        self.latency_counts[bisect_left(LATENCY_BUCKETS_S, latency_s)] += 1
        self.latency_sum_s += latency_s
        if channel:
            self.tokens[channel, "input"] += usage.total_input_tokens
            self.tokens[channel, "output"] += usage.total_output_tokens

    def attempted(self, rows: Iterable[LedgerRow]) -> None:
        """All attempts at a request that has ended."""
        for row in rows:
            labels = _LABELS(row)
            found = self.attempts.get(labels)
            if found is None:
                found = self.attempts[labels] = [0, 0] + [0] * (len(FIRST_TOKEN_BUCKETS_MS) + 1)
            found[0] += 1
            first_token_ms = row.first_token_ms
            if first_token_ms is not None:
                found[1] += first_token_ms
                found[2 + bisect_left(FIRST_TOKEN_BUCKETS_MS, first_token_ms)] += 1
