"""What must not happen twice because a button was pressed twice: the second press is given the first one's answer."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final

__all__ = ["Once"]

_MOST: Final = 200


class Once:
    """Of one process, in memory, for a short time: what it keeps may be a secret that is shown once. `clock` counts
    seconds."""

    def __init__(self, keep_s: float, clock: Callable[[], float]) -> None:
        self._keep_s = keep_s
        self._clock = clock
        self._lock = threading.Lock()
        self._done: OrderedDict[Hashable, tuple[float, threading.Lock, list[Any]]] = OrderedDict()

    def do(self, name: Hashable, work: Callable[[], Any]) -> Any:
        """What `work` returns, or has returned under this name. A second caller waits for the first. Where it failed
        it is tried again."""
        with self._lock:
            self._forget()
            _, lock, found = self._done.setdefault(name, (self._clock() + self._keep_s, threading.Lock(), []))
        with lock:
            if not found:
                found.append(work())
            return found[0]

    def _forget(self) -> None:
        now_s = self._clock()
        while self._done:
            name, (until_s, _, _) = next(iter(self._done.items()))
            if until_s > now_s and len(self._done) < _MOST:
                return
            del self._done[name]
