"""When is an edit in force? When every process that serves works by it, or is known to serve no longer.

Processes say in the store by which revision they work (`access.following`). Clocks of several machines differ, so
whether a process lives is told by its saying so anew, not by its time alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from torouter.access.following import BEAT_S
from torouter.access.freshness import LEASE_S
from torouter.store import ProcessRow
from torouter.units import wall_ms

__all__ = ["Processes", "wait_until_everywhere"]

_POLL_S: Final = 0.02
_HEARD_OF_MS: Final = 60_000
_BEAT_MISSED_S: Final = BEAT_S * 1.5
_LONG_GONE_MS: Final = 15_000
"""More than clocks of machines differ that are looked after."""


class Processes(Protocol):
    def live_processes(self, since_ms: int, /) -> list[ProcessRow]: ...


def wait_until_everywhere(
    store: Processes,
    revision: int,
    timeout_s: float = 10.0,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    now_ms: Callable[[], int] = wall_ms,
) -> list[ProcessRow]:
    """Blocks until every process works by this revision or a later one, or is gone; returns those that still have not
    said so when the time is up. A process that was killed a moment ago is waited for as long as its lease runs."""
    heard: dict[str, tuple[int, float]] = {}
    started_s = clock()
    while True:
        waiting = []
        for row in store.live_processes(now_ms() - _HEARD_OF_MS):
            if row.revision >= revision:
                continue
            seen_ms, since_s = heard.get(row.id, (row.seen_ms, started_s))
            if row.seen_ms != seen_ms:
                since_s = clock()
            heard[row.id] = (row.seen_ms, since_s)
            if not _is_gone(clock() - since_s, now_ms() - row.seen_ms):
                waiting.append(row)
        if not waiting or clock() - started_s >= timeout_s:
            return waiting
        sleep(_POLL_S)


def _is_gone(silent_s: float, age_ms: int) -> bool:
    """Silent while we listened for a whole lease; or for longer than it should be, and long gone by the clock."""
    return silent_s >= LEASE_S or (silent_s >= _BEAT_MISSED_S and age_ms >= _LONG_GONE_MS)
