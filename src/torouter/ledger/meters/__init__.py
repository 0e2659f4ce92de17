"""Limits of money, requests, tokens and concurrency, admitted atomically: in memory for one process (`LocalMeters`), in
Redis for several (`SharedMeters`).

Laws: nothing is taken unless everything passes. What was taken is settled once, or given back when its process is
dead. Money comes to a meter by `settle` or from the store, and whatever becomes of a settlement, the store has it: a
meter is never less than the store, and no cost is counted twice.
"""

from torouter.ledger.meters.local import LocalMeters
from torouter.ledger.meters.meters import Ask, Hold, Meter, Meters, Refusal, Window, WindowName
from torouter.ledger.meters.shared import SharedMeters

__all__ = ["Ask", "Hold", "LocalMeters", "Meter", "Meters", "Refusal", "SharedMeters", "Window", "WindowName"]
