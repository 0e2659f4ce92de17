"""In which order a route's candidates are tried: priority first, then cool-down, then a draw by weight."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate

from torouter.routing.cooling import Cooling
from torouter.routing.snapshot import Candidate, Route

__all__ = ["order"]


def order(route: Route, cooling: Cooling, now_s: float, draw: Callable[[], float]) -> Iterator[Candidate]:
    """Yields every candidate once. `draw` gives numbers in [0, 1).

    A lower priority number always comes before a higher one. Candidates that cool down come last of all: they are
    better than no answer.
    """
    cold: list[Candidate] = []
    for bucket in route.buckets:
        left = list(bucket)
        if not cooling.is_empty:
            cold += [candidate for candidate in left if cooling.is_cooling(candidate.channel.name, now_s)]
            left = [candidate for candidate in left if candidate not in cold]
        while len(left) > 1:
            bounds = list(accumulate([candidate.channel.weight for candidate in left]))
            yield left.pop(bisect_right(bounds, draw() * bounds[-1]))
        yield from left
    yield from cold
