"""What the house hands to the portal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torouter.accounts.office.entrance import Entrance
from torouter.console.admin.routing_view import RoutingView
from torouter.ledger.prices import PriceBook, UnknownPrice
from torouter.routing.snapshot import Snapshot

__all__ = ["Sources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """`snapshot` and `prices` are asked anew for each page: they are swapped whole. `is_demo`: is nobody asked but the
    built-in demo? `unknown_price`: what becomes of models without a price."""

    entrance: Entrance
    snapshot: Callable[[], Snapshot]
    prices: Callable[[], PriceBook]
    routing: RoutingView
    is_demo: Callable[[], bool]
    unknown_price: UnknownPrice
