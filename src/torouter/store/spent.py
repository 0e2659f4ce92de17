"""What was spent by meter, and how many requests a key made by minute.

Names of meters: `k:<key>`, `a:<account>`, `p:<subscription>:<day|week|month>:<start in ms>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, Table, select

from torouter.store.bulk import Bulk
from torouter.store.rows import PlanWindow
from torouter.store.schema import accounts, key_minutes, keys

__all__ = ["meter_names", "read_minutes", "read_spent"]

_BLOCK_IDS: Final = 500
_PLAN_SPEND: Final = Bulk(
    {"which": "bigint", "named": "text", "since": "bigint"},
    'SELECT subscription_id, "window", started_ms, spent_nusd FROM plan_spend '
    'JOIN given ON subscription_id = which AND "window" = named AND started_ms = since',
)


def meter_names(account_ids: Iterable[int], key_ids: Iterable[int], windows: Iterable[PlanWindow]) -> list[str]:
    of_plans = (f"p:{window.subscription_id}:{window.window}:{window.started_ms}" for window in windows)
    return [*(f"a:{each}" for each in account_ids), *(f"k:{each}" for each in key_ids), *of_plans]


def read_spent(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """By name, all that were asked for: 0 where nothing was ever charged."""
    spent = dict.fromkeys(names, 0)
    for prefix, table, column in (("a:", accounts, "charged_nusd"), ("k:", keys, "spent_nusd")):
        ids = [int(name[2:]) for name in spent if name.startswith(prefix)]
        spent |= {f"{prefix}{row_id}": nusd for row_id, nusd in _of_ids(connection, table, column, ids)}
    windows = [name.split(":") for name in spent if name.startswith("p:")]
    rows = [(int(subscription_id), window, int(started_ms)) for _, subscription_id, window, started_ms in windows]
    for subscription_id, window, started_ms, nusd in _PLAN_SPEND.run(connection, rows):
        spent[f"p:{subscription_id}:{window}:{started_ms}"] = nusd
    return spent


def read_minutes(connection: Connection, key_id: int, since_minute: int) -> dict[int, int]:
    query = select(key_minutes.c.minute, key_minutes.c.requests)
    query = query.where(key_minutes.c.key_id == key_id, key_minutes.c.minute >= since_minute)
    return {row.minute: row.requests for row in connection.execute(query)}


def _of_ids(connection: Connection, table: Table, column: str, ids: Sequence[int]) -> Iterable[tuple[int, int]]:
    for start in range(0, len(ids), _BLOCK_IDS):
        query = select(table.c.id, table.c[column]).where(table.c.id.in_(ids[start : start + _BLOCK_IDS]))
        yield from (tuple(row) for row in connection.execute(query))
