"""How reading an upstream's JSON fails."""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["UNREADABLE"]

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""To be caught: no JSON or JSON of another shape, text that is no UTF-8, nesting beyond reason."""
