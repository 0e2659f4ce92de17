"""Guessing passwords is slow: so many tries from an address, and for an account, within a while.

A try counts before it is known to be wrong, so that many at once are no way around, and is taken back if it was right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from torouter.console.admin.throttle import Throttle

__all__ = ["Doors"]

_WINDOW_S: Final = 300.0
_MOST_OF_ADDRESS: Final = 10
_MOST_OF_ACCOUNT: Final = 30
"""More than one address may try: who is locked out by strangers can still come in when they rest."""


class Doors:
    """Of one process, in memory. `clock` counts seconds."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        most_of_address: int = _MOST_OF_ADDRESS,
        most_of_account: int = _MOST_OF_ACCOUNT,
    ) -> None:
        self._addresses = Throttle(most_of_address, _WINDOW_S, clock)
        self._accounts = Throttle(most_of_account, _WINDOW_S, clock)

    @contextmanager
    def trying(self, address: str, account: str) -> Iterator[None]:
        """Raises `LimitError` before anything is tried. What raises within was a wrong try."""
        tried = ((self._addresses, address), (self._accounts, account.strip().lower()[:300]))
        for throttle, name in tried:
            throttle.check(name)
        for throttle, name in tried:
            throttle.note(name)
        yield
        for throttle, name in tried:
            throttle.take_back(name)
