"""Which limits hold for a key: its own, and where it has none its group's."""

from __future__ import annotations

from typing import Final

from torouter.access.keyring import NO_LIMITS
from torouter.ledger.meters import Window
from torouter.store import LimitColumns

__all__ = ["effective", "windows_of"]

_FIELDS: Final = LimitColumns.__struct_fields__


def effective(own: LimitColumns, defaults: LimitColumns) -> LimitColumns:
    if defaults == NO_LIMITS:
        return own
    return LimitColumns(**{name: getattr(own, name) or getattr(defaults, name) for name in _FIELDS})


def windows_of(limits: LimitColumns) -> tuple[Window, ...]:
    """The shortest first, so that what is told to wait for is what ends soonest."""
    named = (
        Window("1m", limits.rpm),
        Window("5h", limits.limit_5h),
        Window("1d", limits.limit_1d),
        Window("7d", limits.limit_7d),
    )
    return tuple(window for window in named if window.limit)
