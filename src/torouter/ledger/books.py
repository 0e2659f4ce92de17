"""The queue between the hot path and the store: `settle` appends, a writer task flushes a few times a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from torouter.store import UsageRow

__all__ = ["Books", "UsageRow"]

_log = logging.getLogger("torouter.ledger")

_FLUSH_S: Final = 0.25
_BATCH_ROWS: Final = 2000
_WAITING_LIMIT_ROWS: Final = 1_000_000


class Books:
    """`write` stores rows and may block; it runs in a thread of its own. A failed write is tried again: rows leave the
    queue only when they are stored."""

    def __init__(self, write: Callable[[Sequence[UsageRow]], None]) -> None:
        self._write = write
        self._rows: list[UsageRow] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="torouter-ledger")

    def settle(self, row: UsageRow) -> None:
        self._rows.append(row)

    @property
    def waiting_rows(self) -> int:
        return len(self._rows)

    async def run(self) -> None:
        """Flushes until cancelled, then once more."""
        try:
            while True:
                await asyncio.sleep(_FLUSH_S)
                await self._flush()
        finally:
            await self._flush()
            self._thread.shutdown(wait=False)

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._rows:
            batch = self._rows[:_BATCH_ROWS]
            try:
                await loop.run_in_executor(self._thread, self._write, batch)
            except Exception:
                _log.exception("usage rows could not be stored; trying again waiting=%d", len(self._rows))
                del self._rows[_WAITING_LIMIT_ROWS:]
                return
            del self._rows[: len(batch)]
