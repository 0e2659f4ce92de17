"""Entries that are stored together, added up by what they are charged to and counted under."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from torouter.store.rows import Entry, PlanWindow
from torouter.store.spans import DAY_MS, HOUR_MS

__all__ = ["MINUTE_MS", "Batch"]

MINUTE_MS: Final = 60_000

_Place: TypeAlias = tuple[int, int, int, str, str]
"""Account, since when, key, model, outcome: the roll-ups' own order."""
_Sums: TypeAlias = tuple[int, int, int, int, int, int, int]
_NOTHING: Final[_Sums] = (0, 0, 0, 0, 0, 0, 0)


class Batch:
    """Rows come sorted, so that all who write the same ones take them in the same order."""

    __slots__ = ("_hours", "_last_uses", "_minutes", "accounts", "keys", "plans")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.accounts: dict[int, int] = {}
        self.keys: dict[int, int] = {}
        self.plans: dict[PlanWindow, int] = {}
        self._last_uses: dict[int, tuple[int, str]] = {}
        self._minutes: dict[tuple[int, int], int] = {}
        self._hours: dict[_Place, _Sums] = {}
        for entry in entries:
            self._add(entry)

    def account_rows(self) -> list[tuple[int, int]]:
        return sorted(self.accounts.items())

    def key_rows(self) -> list[tuple[int, int, int, str]]:
        return [(key_id, self.keys[key_id], *self._last_uses[key_id]) for key_id in sorted(self.keys)]

    def plan_rows(self) -> list[tuple[int, str, int, int]]:
        return [
            (window.subscription_id, window.window, window.started_ms, nusd)
            for window, nusd in sorted(self.plans.items())
        ]

    def minute_rows(self) -> list[tuple[int, int, int]]:
        return [(*place, requests) for place, requests in sorted(self._minutes.items())]

    def hour_rows(self) -> list[tuple[int | str, ...]]:
        return [place + sums for place, sums in sorted(self._hours.items())]

    def day_rows(self) -> list[tuple[int | str, ...]]:
        days: dict[_Place, _Sums] = {}
        for (account_id, hour_ms, key_id, model, outcome), sums in self._hours.items():
            place = (account_id, hour_ms - hour_ms % DAY_MS, key_id, model, outcome)
            days[place] = _added(days.get(place, _NOTHING), sums)
        return [place + sums for place, sums in sorted(days.items())]

    def _add(self, entry: Entry) -> None:
        row = entry.usage
        at_ms, account_id, key_id, cost_nusd = row.at_ms, row.account_id, row.key_id, row.cost_nusd
        self.keys[key_id] = self.keys.get(key_id, 0) + cost_nusd
        self._last_uses[key_id] = max(self._last_uses.get(key_id, (0, "")), (at_ms, entry.address))
        self.accounts.setdefault(account_id, 0)
        for attempt in entry.attempts:
            self.accounts[attempt.account_id] = self.accounts.get(attempt.account_id, 0) - attempt.amount_nusd
        for window in entry.plan_windows:
            self.plans[window] = self.plans.get(window, 0) + cost_nusd
        if entry.is_windowed:
            minute = (key_id, at_ms // MINUTE_MS)
            self._minutes[minute] = self._minutes.get(minute, 0) + 1
        place = (account_id, at_ms - at_ms % HOUR_MS, key_id, row.model, row.outcome)
        self._hours[place] = _added(
            self._hours.get(place, _NOTHING),
            (
                1,
                row.outcome != "ok",
                row.input_tokens,
                row.cache_read_tokens,
                row.cache_write_tokens,
                row.output_tokens,
                cost_nusd,
            ),
        )


def _added(one: _Sums, other: _Sums) -> _Sums:
    return (
        one[0] + other[0],
        one[1] + other[1],
        one[2] + other[2],
        one[3] + other[3],
        one[4] + other[4],
        one[5] + other[5],
        one[6] + other[6],
    )
