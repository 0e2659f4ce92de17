"""When an upstream says to come back, in whichever form it says so."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from torouter.units import wall_ms
from torouter.wire.upstream import Response

__all__ = ["retry_after_s"]

_LONGEST_S: Final = 86400.0
"""Nobody knows more of an upstream than for a day."""
_NUMBER: Final = re.compile(rb"\d+(?:\.\d*)?")


def retry_after_s(response: Response) -> float | None:
    """`retry-after-ms` (OpenAI, Azure) is finer than `Retry-After`, which has a number of seconds or a date. `None`: it
    does not say, or nothing that makes sense."""
    wait_ms = _number(response.header(b"retry-after-ms"))
    if wait_ms is not None:
        return min(wait_ms / 1000, _LONGEST_S)
    told = response.header(b"retry-after")
    wait_s = _number(told)
    if wait_s is None:
        wait_s = _until(told)
    return None if wait_s is None else min(wait_s, _LONGEST_S)


def _number(told: bytes) -> float | None:
    told = told.strip()
    return float(told) if _NUMBER.fullmatch(told) else None


def _until(told: bytes) -> float | None:
    """From now to a date; 0 if it has passed."""
    try:
        at = parsedate_to_datetime(told.decode("ascii"))
        at = at.replace(tzinfo=at.tzinfo or UTC)  # one of the old forms has no zone, and means the same
        return max(at.timestamp() - wall_ms() / 1000, 0.0)
    except (ValueError, OverflowError):
        return None
