"""What the house hands to the portal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torouter.accounts.office.entrance import Entrance
from torouter.console.admin.routing_view import RoutingView
from torouter.console.portal.running import Running
from torouter.ledger.prices import PriceBook
from torouter.routing.snapshot import Snapshot

__all__ = ["Sources"]


@dataclass(frozen=True, slots=True)
class Sources:
    """`snapshot` and `prices` are asked anew for each page: they are swapped whole. `in_flight` is how many requests
    this process serves now."""

    entrance: Entrance
    snapshot: Callable[[], Snapshot]
    prices: Callable[[], PriceBook]
    routing: RoutingView
    running: Running
    in_flight: Callable[[], int]
