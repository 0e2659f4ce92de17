"""On what terms an admitted request is served: what the relay needs to know of limits and money."""

from __future__ import annotations

import msgspec

from torouter.ledger.meters import Hold
from torouter.store import OnCut, OnHangup, PlanWindow

__all__ = ["Terms"]


class Terms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Of one request. `hold` is what was reserved and must be settled; `None` for a key without limits.

    `is_on_balance`: the account's balance pays, and not a plan. `multiplier_ppm` is the group's, on every price.
    `plan_windows` are those that its cost counts against. `is_windowed`: the key has request windows. `address` is the
    client's. `on_cut` is the group's, for channels that say nothing themselves.
    """

    hold: Hold | None = None
    address: str = ""
    group_id: int = 0
    is_on_balance: bool = True
    multiplier_ppm: int = 1_000_000
    on_hangup: OnHangup = "cancel"
    on_cut: OnCut = "error"
    plan_windows: tuple[PlanWindow, ...] = ()
    is_windowed: bool = False
