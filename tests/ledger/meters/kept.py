"""A store of totals, as the ledger keeps one: what is settled reaches it a little later; then the meters are told."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence

from torouter.ledger.meters import Hold, Meters

__all__ = ["Kept"]


class Kept:
    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self.minutes: dict[int, Counter[int]] = {}
        self.reads = 0
        self.is_broken = False
        self._queue: list[tuple[Meters, Hold, int]] = []
        self._lock = threading.Lock()

    def read_spent(self, names: Sequence[str]) -> dict[str, int]:
        self._read()
        with self._lock:
            return {name: self.spent[name] for name in names if name in self.spent}

    def read_minutes(self, key_id: int, since_minute: int) -> dict[int, int]:
        self._read()
        with self._lock:
            return {minute: n for minute, n in self.minutes.get(key_id, Counter()).items() if minute >= since_minute}

    def _read(self) -> None:
        self.reads += 1
        if self.is_broken:
            raise OSError("the store is away")

    def settle(self, meters: Meters, hold: Hold, cost_nusd: int, tokens: int = 0) -> None:
        """As a request ends: the cost is queued, and the meters are told."""
        self._queue.append((meters, hold, cost_nusd))
        meters.settle(hold, cost_nusd, tokens)

    def flush(self) -> None:
        """Each process writes what is its own, and says so to its own meters."""
        queue, self._queue = self._queue, []
        for meters in {id(each[0]): each[0] for each in queue}.values():
            self._write(meters, [(hold, cost_nusd) for whose, hold, cost_nusd in queue if whose is meters])

    def _write(self, meters: Meters, entries: list[tuple[Hold, int]]) -> None:
        written: Counter[str] = Counter()
        with self._lock:
            for hold, cost_nusd in entries:
                self.minutes.setdefault(hold.ask.key_id, Counter())[hold.at_ms // 60_000] += 1
                for name, _ in hold.ask.money:
                    written[name] += cost_nusd
            self.spent += written
            totals = {name: self.spent[name] for name in written}
        meters.raise_spent(totals, written)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            self.flush()
