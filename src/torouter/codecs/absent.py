"""Fields of an upstream's events that may be absent. Most are, most of the time: that costs one look, at no bytes."""

from __future__ import annotations

from typing import Final

from msgspec import Raw

from torouter.codecs.figures import is_given

__all__ = ["ABSENT", "has_value"]

ABSENT: Final = Raw()
"""The default of such a field."""


def has_value(raw: Raw) -> bool:
    """Was the field there, and not null? Of a field whose default is `ABSENT`."""
    return raw is not ABSENT and is_given(raw)
