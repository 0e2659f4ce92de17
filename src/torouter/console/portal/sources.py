"""What the house hands to the portal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torouter.accounts.office.entrance import Entrance
from torouter.console.admin.routing_view import RoutingView
from torouter.ledger.prices import PriceBook, UnknownPrice
from torouter.routing.snapshot import Snapshot

__all__ = ["Sources"]


@dataclass(frozen=True, slots=True)
class Sources:
    """`snapshot` and `prices` are asked anew for each page: they are swapped whole. `unknown_price`: what becomes of
    models without a price."""

    entrance: Entrance
    snapshot: Callable[[], Snapshot]
    prices: Callable[[], PriceBook]
    routing: RoutingView
    unknown_price: UnknownPrice
