"""What goes through all processes now: as far as it has ended and is stored, which takes a quarter of a second."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from torouter.accounts.office import usage
from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import UsageQuery
from torouter.accounts.office.usage import UsageView
from torouter.accounts.office.views import View
from torouter.store import Beat
from torouter.units import moment

__all__ = ["STEPS", "STEP_S", "BeatView", "LatestView", "latest_requests", "pulse"]

STEPS: Final = 60
STEP_S: Final = 2

_LATE_MS: Final = 4000
"""What has ended is stored by then, whichever process it went through."""
_LOOK_ROWS: Final = 20_000


class BeatView(View, frozen=True, kw_only=True):
    """Within one step: how many requests ended, how many of them without a good answer, and their tokens."""

    at: datetime
    requests: int
    failures: int
    tokens: int


class LatestView(View, frozen=True, kw_only=True):
    """The latest first. Who asks again from `after_ms` on misses none, and is given some a second time."""

    requests: list[UsageView]
    after_ms: int


def pulse(desk: Desk) -> list[BeatView]:
    """The steps of the last two minutes, the oldest first; the one that has not ended is not among them."""
    step_ms = STEP_S * 1000
    end_ms = desk.now_ms() - desk.now_ms() % step_ms
    begin_ms = end_ms - STEPS * step_ms
    found = {point.at_ms: point for point in desk.store.usage_pulse(begin_ms, step_ms)}
    return [_beat(found.get(at_ms, Beat(at_ms, 0, 0, 0))) for at_ms in range(begin_ms, end_ms, step_ms)]


def latest_requests(desk: Desk, query: UsageQuery, *, after_ms: int, limit: int) -> LatestView:
    """That ended at `after_ms` or later, and as many as the limit allows."""
    asked_ms = desk.now_ms()
    since = msgspec.structs.replace(query, since=moment(after_ms))
    rows, _ = usage.search_requests(desk, since, before=None, limit=limit, look_rows=_LOOK_ROWS)
    return LatestView(requests=rows, after_ms=asked_ms - _LATE_MS)


def _beat(found: Beat) -> BeatView:
    return BeatView(at=moment(found.at_ms), requests=found.requests, failures=found.failures, tokens=found.tokens)
