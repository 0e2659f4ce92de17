"""The queue between the hot path and the store: `settle` appends, a writer task flushes a few times a second.

What is settled is in the journal before anything else, and leaves it when it is stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

from torouter.errors import StoreError
from torouter.ledger.journal import Journal, Segment, decode_entry, encode_entry
from torouter.store import Entry, LedgerRow, PlanWindow, UsageRow

__all__ = ["Books", "Entry", "LedgerRow", "PlanWindow", "UsageRow"]

_log = logging.getLogger("torouter.ledger")

_FLUSH_S: Final = 0.25
_BATCH_ROWS: Final = 2000
_MEMORY_ROWS: Final = 20_000
"""Of batches that wait, as many are held in memory too; the others are on the disk only, and read back in their turn.
Those that the journal could not take are held in any case."""
_FORGET_S: Final = 10.0
"""How often names of stored segments are forgotten, once their files are gone for good."""

Write = Callable[[Sequence[Entry], str], Mapping[str, int]]
"""(entries, the name of their segment) → the totals of what they touched, by meter name. All or nothing, and nothing
for a segment that is stored already. Raises what it likes: it is tried again."""


@dataclass(slots=True)
class _Batch:
    """The entries of a segment. `entries` is `None` while they are on the disk only; `stored` is what is told of it,
    once it is."""

    segment: Segment
    rows: int
    entries: list[Entry] | None
    stored: tuple[Mapping[str, int], Mapping[str, int]] | None = None


class Books:
    """`write` and `forget` (which gets names of segments that nobody will bring again) may block; they run in a thread
    of their own. `on_stored` is told on the loop, after each flush, the totals of what was touched, and how much of
    them this flush was, both by meter name. Without a `journal` all is in memory."""

    def __init__(
        self,
        write: Write,
        journal: Journal | None = None,
        *,
        forget: Callable[[Sequence[str]], None] = lambda _: None,
        on_stored: Callable[[Mapping[str, int], Mapping[str, int]], None] = lambda _, __: None,
    ) -> None:
        self._write = write
        self._journal = journal
        self._forget = forget
        self._on_stored = on_stored
        self._entries: list[Entry] = []
        self._batches: deque[_Batch] = deque()
        self._removed: list[str] = []
        self._is_away = False
        self._until_forgetting_s = _FORGET_S
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="torouter-ledger")

    def settle(self, entry: Entry) -> None:
        """When this returns the entry survives the process."""
        entries = self._entries
        entries.append(entry)
        if self._journal is not None:
            self._journal.append(encode_entry(entry))
        if len(entries) >= _BATCH_ROWS:
            self._end_batch()

    @property
    def waiting_rows(self) -> int:
        return len(self._entries) + sum(batch.rows for batch in self._batches)

    def waiting_entries(self) -> list[Entry]:
        """Those in memory, in order."""
        return [entry for batch in self._batches for entry in batch.entries or ()] + self._entries

    @property
    def waiting_bytes(self) -> int:
        """Of the journal."""
        current = 0 if self._journal is None else self._journal.size_bytes
        return current + sum(batch.segment.size_bytes for batch in self._batches)

    @property
    def journal_failures(self) -> int:
        """Entries that were in memory only."""
        return 0 if self._journal is None else self._journal.failures

    async def run(self) -> None:
        """Flushes until cancelled, then once more. What cannot be stored then is left in the journal."""
        try:
            while True:
                await asyncio.sleep(_FLUSH_S)
                await self._flush()
                self._until_forgetting_s -= _FLUSH_S
                if self._until_forgetting_s <= 0:
                    self._until_forgetting_s = _FORGET_S
                    await self._in_thread(self._forget_removed)
        finally:
            if await self._flush():
                await self._flush()  # what was settled while older batches waited
            await self._in_thread(self._forget_removed)
            self._thread.shutdown(wait=False)
            if self._journal is not None:
                self._journal.close()

    def _end_batch(self) -> None:
        segment = Segment("") if self._journal is None else self._journal.rotate()
        entries, self._entries = self._entries, []
        in_memory = sum(batch.rows for batch in self._batches if batch.entries is not None)
        may_be_dropped = self._journal is not None and segment.is_whole and in_memory >= _MEMORY_ROWS
        self._batches.append(_Batch(segment, len(entries), None if may_be_dropped else entries))

    async def _flush(self) -> bool:
        """Are all batches stored? While older ones wait, the store is away, and the newest one grows."""
        if self._entries and not self._batches:
            self._end_batch()
        while self._batches:
            batch = self._batches[0]
            if not await self._in_thread(partial(self._store, batch)) or batch.stored is None:
                return False
            self._batches.popleft()
            self._on_stored(*batch.stored)
        return True

    async def _in_thread(self, work: Callable[[], None]) -> bool:
        """Did it work?"""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except StoreError as error:
            _log.error(
                "the ledger could not be stored; trying again waiting=%d error=%s", self.waiting_rows, error.message
            )
            return False
        except Exception:
            _log.exception("the ledger could not be stored; trying again waiting=%d", self.waiting_rows)
            return False
        return True

    def _store(self, batch: _Batch) -> None:
        """Once, also if whoever waited for it was cancelled meanwhile and asks again."""
        if batch.stored is not None:
            return
        name = batch.segment.name
        entries = self._read(name) if batch.entries is None else batch.entries
        totals = self._write(entries, name)
        if self._journal is not None and self._journal.remove(name):
            self._removed.append(name)
        batch.stored = totals, _charges(entries)

    def _read(self, name: str) -> list[Entry]:
        assert self._journal is not None, "only a journal has what memory has not"
        return [decode_entry(record) for record in self._journal.read(name)]

    def _forget_removed(self) -> None:
        if self._removed and self._journal is not None:
            self._journal.sync()
            self._forget(self._removed)
            self._removed = []


def _charges(entries: Iterable[Entry]) -> dict[str, int]:
    """By meter name. What cost nothing is not among them."""
    charges: defaultdict[str, int] = defaultdict(int)
    for entry in entries:
        row = entry.usage
        if row.cost_nusd:
            charges[f"k:{row.key_id}"] += row.cost_nusd
            if amount_nusd := sum(attempt.amount_nusd for attempt in entry.attempts):
                charges[f"a:{row.account_id}"] -= amount_nusd
            for window in entry.plan_windows:
                charges[f"p:{window.subscription_id}:{window.window}:{window.started_ms}"] += row.cost_nusd
    return dict(charges)
