"""What has come of a stream that has not said anything yet. The client is given none of it, so that another channel can
still be asked: for so many bytes, and for so long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from torouter.codecs import OPENING_BYTES

__all__ = ["HOLD_S", "Held"]

HOLD_S: Final = 30.0
"""A client that sees nothing may take its connection for dead; an upstream has its own deadline (`first_token_s`)."""


class Held:
    """Most streams say something with their first piece or their second, and then this is a list and a timer that is
    cancelled."""

    __slots__ = ("_bytes", "_hold_s", "_pieces", "_timer")

    def __init__(self, hold_s: float = HOLD_S) -> None:
        self._hold_s = hold_s
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def keep(self, data: bytes, give: Callable[[], None]) -> bool:
        """Is there room for more? `give` is called when the time is up: once, from the loop. It is not kept beside the
        timer: who holds back is mostly who gives."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._hold_s, give)
        self._pieces.append(data)
        self._bytes += len(data)
        return self._bytes < OPENING_BYTES

    def take(self) -> bytes:
        """All of it, as it came."""
        self.drop()
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data

    def drop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
