"""Guessing is slow: who gave so many wrong tokens within a while is not listened to for the rest of it."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from torouter.errors import LimitError

__all__ = ["Throttle"]

_MOST_SOURCES: Final = 10_000
_IPV6_BITS: Final = 64
"""What one subscriber has at least: an address of its own for every guess costs nothing there."""


class Throttle:
    """Of one process, in memory. `clock` counts seconds."""

    def __init__(self, most_failures: int, window_s: float, clock: Callable[[], float]) -> None:
        self._most = most_failures
        self._window_s = window_s
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, address: str) -> None:
        """Raises `LimitError`, which says when to come back."""
        found = self._failures.get(_source(address))
        if found is None:
            return
        wait_s = found[0] + self._window_s - self._clock()
        if len(found) >= self._most and wait_s > 0:
            raise LimitError("Too many wrong admin tokens from this address.", retry_after_s=wait_s)

    def note(self, address: str) -> None:
        source = _source(address)
        found = self._failures.setdefault(source, deque(maxlen=self._most))
        found.append(self._clock())
        self._failures.move_to_end(source)
        if len(self._failures) > _MOST_SOURCES:
            self._failures.popitem(last=False)

    def take_back(self, address: str) -> None:
        """The latest of them was none."""
        found = self._failures.get(_source(address))
        if found is not None:
            found.pop()
            if not found:
                del self._failures[_source(address)]


def _source(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or ip_network((int(parsed), _IPV6_BITS), strict=False))
