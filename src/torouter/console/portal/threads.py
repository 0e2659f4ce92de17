"""Threads of the portal's own: what waits for the store, or for a password's hash, keeps nobody else from a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

__all__ = ["Threads"]

T = TypeVar("T")

_PAGES: Final = 8
_SLOW: Final = 2
_WAITING: Final = 4


class Threads:
    """Pages are many; `is_slow` is for what hashes passwords, of which few are done at once however many are asked.
    `wait` is for what waits for an upstream, half a minute if it must."""

    def __init__(self) -> None:
        self._pages = ThreadPoolExecutor(_PAGES, "portal")
        self._slow = ThreadPoolExecutor(_SLOW, "portal-passwords")
        self._waiting = ThreadPoolExecutor(_WAITING, "portal-waiting")

    async def work(self, call: Callable[[], T], *, is_slow: bool = False) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._slow if is_slow else self._pages, call)

    async def wait(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._waiting, call)
