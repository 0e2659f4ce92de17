"""What the house hands to the portal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torouter.access.rehearsal import Rehearsal
from torouter.accounts.office.entrance import Entrance
from torouter.console.admin.routing_view import RoutingView
from torouter.ledger.prices import PriceBook
from torouter.routing.snapshot import Snapshot

__all__ = ["Sources"]


@dataclass(frozen=True, slots=True)
class Sources:
    """`snapshot` and `prices` are asked anew for each page: they are swapped whole."""

    entrance: Entrance
    snapshot: Callable[[], Snapshot]
    prices: Callable[[], PriceBook]
    routing: RoutingView
    rehearsal: Rehearsal
