"""What the house hands to the portal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torouter.access.rehearsal import Rehearsal
from torouter.accounts.office.entrance import Entrance
from torouter.console.admin.routing_view import RoutingView
from torouter.console.portal.running import Running
from torouter.ledger.prices import PriceBook, UnknownPrice
from torouter.routing.snapshot import Snapshot

__all__ = ["Sources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """`snapshot` and `prices` are asked anew for each page: they are swapped whole. `is_demo`: is nobody asked but the
    built-in demo? `unknown_price`: what becomes of models without a price. `in_flight` is how many requests this
    process serves now."""

    entrance: Entrance
    snapshot: Callable[[], Snapshot]
    prices: Callable[[], PriceBook]
    routing: RoutingView
    is_demo: Callable[[], bool]
    unknown_price: UnknownPrice
    rehearsal: Rehearsal
    running: Running
    in_flight: Callable[[], int]
