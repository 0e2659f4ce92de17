"""Test calls that were made a short while ago: a page that is loaded again shows what was found and asks nobody."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from torouter.routing.tryouts import Tryout

__all__ = ["Tryouts"]

_MOST: Final = 200


class Tryouts:
    """Of one process, in memory: a test call takes long and changes nothing, so one too many, where the page is loaded
    by way of another process, does no harm. `clock` counts seconds."""

    def __init__(self, keep_s: float, clock: Callable[[], float]) -> None:
        self._keep_s = keep_s
        self._clock = clock
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, tuple[float, threading.Lock, list[Tryout]]] = OrderedDict()

    def of(self, name: Hashable, make: Callable[[], Tryout]) -> Tryout:
        """What `make` returns, or has returned under this name. A second caller waits for the first. Where it failed
        it is tried again."""
        with self._lock:
            self._forget()
            _, lock, found = self._made.setdefault(name, (self._clock() + self._keep_s, threading.Lock(), []))
        with lock:
            if not found:
                found.append(make())
            return found[0]

    def _forget(self) -> None:
        now_s = self._clock()
        while self._made:
            name, (until_s, _, _) = next(iter(self._made.items()))
            if until_s > now_s and len(self._made) < _MOST:
                return
            del self._made[name]
