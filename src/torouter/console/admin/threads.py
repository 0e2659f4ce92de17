"""Threads of the API's own. A change waits until this very process works by it, and what makes that so needs one of the
threads that everybody shares: were the waiting done there, it could wait for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

__all__ = ["Threads"]

T = TypeVar("T")

_AT_WORK: Final = 4
_WAITING: Final = 16


class Threads:
    """`work` is for calls of the store, `wait` for what only waits: many of those keep none of the others from it."""

    def __init__(self) -> None:
        self._at_work = ThreadPoolExecutor(_AT_WORK, "admin")
        self._waiting = ThreadPoolExecutor(_WAITING, "admin-waiting")

    async def work(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._at_work, call)

    async def wait(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._waiting, call)
