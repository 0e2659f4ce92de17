"""One start of `torouter serve` at a time, where limits are counted in its memory alone.

Several need a Redis, or each would admit as much as all of them may together.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from torouter.access.freshness import LEASE_S
from torouter.errors import ConfigError
from torouter.store import ProcessRow
from torouter.units import wall_ms

__all__ = ["alone_in", "await_alone"]

_LOCK: Final = "serving.lock"
_POLL_S: Final = 0.25
_HEARD_OF_MS: Final = 60_000
_ADVICE: Final = (
    "Limits are counted in the memory of one of them: end the other, or give both the same Redis with --redis, "
    "TOROUTER_REDIS or redis.url."
)


@contextmanager
def alone_in(data_dir: Path) -> Iterator[None]:
    """Holds the data directory; its end gives it back, and so does the end of the process. Raises `ConfigError` if
    another holds it."""
    lock = os.open(data_dir / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"Another `torouter serve` uses the data directory {data_dir}. {_ADVICE}") from None
        yield
    finally:
        os.close(lock)


class Processes(Protocol):
    def live_processes(self, since_ms: int, /) -> list[ProcessRow]: ...


def await_alone(
    store: Processes, replica: str, *, sleep: Callable[[float], None] = time.sleep, lease_s: float = LEASE_S
) -> None:
    """Blocks until no other start serves from this database: one that was killed is given the time of its lease.
    Raises `ConfigError` if another lives."""
    heard: dict[str, int] = {}
    until_s = time.monotonic() + lease_s
    while True:
        others = [row for row in store.live_processes(wall_ms() - _HEARD_OF_MS) if row.replica != replica]
        for row in others:
            if heard.setdefault(row.id, row.seen_ms) != row.seen_ms:
                raise ConfigError(f"Another `torouter serve` uses this database, on {row.place}. {_ADVICE}")
        if not others or time.monotonic() >= until_s:
            return
        sleep(_POLL_S)
