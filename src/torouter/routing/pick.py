"""In which order a route's candidates are tried: priority first, then cool-down, then a draw by weight."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator

from torouter.routing.health import Health
from torouter.routing.snapshot import Bucket, Candidate, Route

__all__ = ["order", "preferring"]


def order(route: Route, health: Health, now_s: float, draw: Callable[[], float]) -> Iterator[Candidate]:
    """Yields every candidate once. `draw` gives numbers in [0, 1).

    A lower priority number always comes before a higher one. Candidates that cool down come last of all: they are
    better than no answer.
    """
    cold: list[Candidate] = []
    for bucket in route.buckets:
        found = [candidate for candidate in bucket.candidates if health.is_cooling(candidate, now_s)]
        if found:
            cold += found
            bucket = Bucket.of([candidate for candidate in bucket.candidates if candidate not in found])
        while bucket.candidates:
            bounds = bucket.bounds
            index = bisect_right(bounds, draw() * bounds[-1]) if len(bounds) > 1 else 0
            yield bucket.candidates[index]
            bucket = Bucket.of(bucket.candidates[:index] + bucket.candidates[index + 1 :])
    yield from cold


def preferring(
    scopes: Collection[bytes], ordered: Iterable[Candidate], health: Health, now_s: float
) -> list[Candidate]:
    """The same candidates, those first that can read the conversation's own state, unless they cool down."""
    return sorted(
        ordered,
        key=lambda candidate: candidate.scope not in scopes or health.is_cooling(candidate, now_s),
    )
