"""How a cost was reckoned, read from a request's row."""

from __future__ import annotations

import msgspec

from torouter.accounts.office.usage import UsageView
from torouter.ledger.cost import Cost, read_parts

__all__ = ["bill_of"]


def bill_of(row: UsageView) -> Cost | None:
    """`None` where nothing was reckoned."""
    if not row.cost_parts:
        return None
    try:
        return read_parts(row.cost_parts)
    except msgspec.DecodeError:
        return None
