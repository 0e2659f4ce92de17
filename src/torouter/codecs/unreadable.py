"""How reading an upstream's JSON fails."""

from __future__ import annotations

import json
from typing import Final

import msgspec

__all__ = ["UNREADABLE", "is_json"]

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""To be caught: no JSON or JSON of another shape, text that is no UTF-8, nesting beyond reason."""


def is_json(text: bytes) -> bool:
    """Of what could not be read: might a client read it all the same? Many servers write `NaN`, which Python's own
    reader takes, and half of surrogate pairs. Slow."""
    try:
        json.loads(text.decode("utf-8", "replace"), strict=False)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True
