"""Whom a route's next request is to ask: what is known of health, room, use and conversations, put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from torouter.channels import Channel
from torouter.routing.affinity import Pins
from torouter.routing.health import Health
from torouter.routing.pool import Pool
from torouter.routing.snapshot import Candidate, Route
from torouter.routing.traffic import Traffic

if TYPE_CHECKING:
    from torouter.routing.plan import Plan

__all__ = ["Selection"]

_NEVER_S: Final = float("inf")


class Selection:
    """One per process. `draw` gives numbers in [0, 1). `processes`: so many share each channel's cap."""

    def __init__(self, draw: Callable[[], float]) -> None:
        self.draw = draw
        self.traffic = Traffic()
        self.health = Health(draw, self.traffic)
        self.pins = Pins()
        self.processes = 1
        self.rival: tuple[Plan, Candidate] | None = None
        """Of whom it was said last that it may be asked beside another."""
        self._pools: WeakKeyDictionary[Route, tuple[Pool, ...]] = WeakKeyDictionary()

    def pools(self, route: Route) -> tuple[Pool, ...]:
        """By rising priority number. They go with their route."""
        pools = self._pools.get(route)
        if pools is None:
            pools = tuple(Pool(bucket, self.traffic, self.ready_s) for bucket in route.buckets)
            self._pools[route] = pools
        return pools

    def ready_s(self, candidate: Candidate, now_s: float) -> float:
        """From when it may be asked; past, if it may now, and never while its channel is full."""
        ready_s = self.health.ready_s(candidate, now_s)
        if ready_s <= now_s and candidate.channel.policy.concurrency and not self.has_room(candidate.channel):
            self.traffic.uses[candidate.channel.name].was_full = True
            return _NEVER_S
        return ready_s

    def has_room(self, channel: Channel) -> bool:
        """Under its cap, if it has one."""
        cap, use = channel.policy.concurrency, self.traffic.uses.get(channel.name)
        return not cap or use is None or use.in_flight + use.handed < max(cap // self.processes, 1)
