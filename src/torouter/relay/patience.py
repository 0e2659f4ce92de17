"""What one request may still cost in attempts, in changes of channel, and in waiting before somebody is asked again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from torouter.errors import UpstreamError
from torouter.relay.verdict import Row, may_repeat
from torouter.routing.snapshot import Candidate, Route

__all__ = ["Bounds", "Patience"]

_FIRST_S: Final = 0.5
_REPEATS_ALONE: Final = 2
_REPEATS: Final = 1
"""Of a candidate that has others beside it: they have failed as well."""
_LONGEST_S: Final = 5.0
"""What an upstream says to wait is waited for up to this, or not at all."""


class Bounds(NamedTuple):
    """Of each request: `attempts` over all channels and models, `switches` to another channel for one model, and
    seconds of waiting in all."""

    attempts: int = 6
    switches: int = 3
    retry_s: float = 10.0


class Patience:
    """Of one request. `draw` gives numbers in [0, 1)."""

    __slots__ = ("_attempts", "_bounds", "_channels", "_draw", "_repeats", "_waited_s", "reserved")

    def __init__(self, bounds: Bounds, draw: Callable[[], float]) -> None:
        self._bounds = bounds
        self._draw = draw
        self._attempts = 0
        self._waited_s = 0.0
        self._channels: set[str] = set()
        self._repeats: dict[Candidate, int] = {}
        self.reserved = 0
        """Attempts that are kept for another model."""

    def may_ask(self, candidate: Candidate, beside: Candidate | None = None) -> bool:
        """Going back to a channel is no switch. `beside` is under way, and not counted yet."""
        attempts, channels = self._attempts + self.reserved, {*self._channels, candidate.channel.name}
        if beside is not None:
            attempts += 1
            channels.add(beside.channel.name)
        return attempts < self._bounds.attempts and len(channels) - 1 <= self._bounds.switches

    def asked(self, candidate: Candidate) -> None:
        """In vain: it has failed, or was too slow."""
        self._attempts += 1
        self._channels.add(candidate.channel.name)

    def begin_anew(self) -> None:
        """Another model: its channels have not been changed yet."""
        self._channels.clear()
        self.reserved = 0

    def may_wait(self, wait_s: float) -> bool:
        """If so, it is taken to be waited."""
        if self._waited_s + wait_s > self._bounds.retry_s:
            return False
        self._waited_s += wait_s
        return True

    def pause_s(
        self, candidate: Candidate, row: Row, error: UpstreamError, route: Route, *, has_others: bool
    ) -> float | None:
        """How long to wait before a candidate that has failed is asked once more; `None` where it is not. `has_others`:
        there is another model.

        Full jitter: anything from nothing to a time that doubles, so that requests that failed together do not come
        back together. A broken connection is made anew at once.
        """
        is_alone = not has_others and _is_alone(route)
        repeats = self._repeats.get(candidate, 0)
        if repeats >= (_REPEATS_ALONE if is_alone else _REPEATS) or not may_repeat(row, error, is_alone=is_alone):
            return None
        told_s = error.retry_after_s or 0.0
        wait_s = 0.0 if row.name == "reset" and not repeats else self._draw() * _FIRST_S * 2**repeats
        wait_s = max(wait_s, told_s)
        if wait_s > _LONGEST_S or self._waited_s + wait_s > self._bounds.retry_s:
            return None
        self._repeats[candidate] = repeats + 1
        return wait_s


def _is_alone(route: Route) -> bool:
    """Is there no other channel?"""
    first, *_ = route.buckets[0].candidates
    return all(candidate.channel is first.channel for candidate in route.candidates)
