"""Removing what is old, in bites so small that nobody waits for long. Each is a transaction of `Store`'s.

An account's balance is the sum of its ledger, before and after: attempts that are pruned become part of one row for
each account and key, numbered 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, Table, select, tuple_

from torouter.store.bulk import Bulk
from torouter.store.ordered import lock_in_order
from torouter.store.schema import done_once, key_minutes, usage, usage_hours

__all__ = ["due_requests", "prune_done", "prune_hours", "prune_minutes", "prune_requests"]

_NOTE: Final = "sum of pruned attempts"
_DELETE_USAGE: Final = Bulk(
    {"which": "bigint"}, "DELETE FROM usage WHERE id IN (SELECT which FROM given) RETURNING request_id"
)
_DELETE_ATTEMPTS: Final = Bulk(
    {"which": "text"},
    "DELETE FROM ledger WHERE request_id IN (SELECT which FROM given) AND kind = 'attempt' "
    "RETURNING account_id, key_id, amount_nusd, at_ms",
)
_ADD_PRUNED: Final = Bulk(
    {"account_id": "bigint", "key_id": "bigint", "amount": "bigint", "at_ms": "bigint"},
    "INSERT INTO ledger (at_ms, account_id, key_id, request_id, attempt, kind, amount_nusd, channel, upstream_model, "  # noqa: S608
    "status, outcome, latency_ms, note) "
    f"SELECT at_ms, account_id, key_id, '', 0, 'attempt', amount, '', '', 0, '', 0, '{_NOTE}' FROM given WHERE true "
    "ON CONFLICT (account_id, key_id) WHERE kind = 'attempt' AND attempt = 0 DO UPDATE SET "
    "amount_nusd = ledger.amount_nusd + excluded.amount_nusd, "
    "at_ms = CASE WHEN ledger.at_ms > excluded.at_ms THEN ledger.at_ms ELSE excluded.at_ms END",
)


def due_requests(connection: Connection, before_ms: int, limit_rows: int) -> list[int]:
    query = select(usage.c.id).where(usage.c.at_ms < before_ms).order_by(usage.c.at_ms).limit(limit_rows)
    return list(connection.execute(query).scalars())


def prune_requests(connection: Connection, ids: Iterable[int]) -> int:
    """Those that another has pruned meanwhile do not count."""
    due = sorted(ids)
    lock_in_order(connection, usage, due)
    requests = _DELETE_USAGE.run(connection, [(each,) for each in due])
    attempts = _DELETE_ATTEMPTS.run(connection, [(name,) for (name,) in requests if name])
    sums: dict[tuple[int, int], tuple[int, int]] = {}
    for account_id, key_id, amount_nusd, at_ms in attempts:
        before = sums.get((account_id, key_id), (0, 0))
        sums[account_id, key_id] = (before[0] + amount_nusd, max(before[1], at_ms))
    _ADD_PRUNED.run(connection, [(*place, *sums[place]) for place in sorted(sums)])
    return len(requests)


def prune_hours(connection: Connection, before_ms: int, limit_rows: int) -> int:
    return _delete_oldest(connection, usage_hours, "hour_ms", before_ms, limit_rows)


def prune_minutes(connection: Connection, before_minute: int, limit_rows: int) -> int:
    return _delete_oldest(connection, key_minutes, "minute", before_minute, limit_rows)


def prune_done(connection: Connection, now_ms: int, limit_rows: int) -> int:
    return _delete_oldest(connection, done_once, "expires_ms", now_ms, limit_rows)


def _delete_oldest(connection: Connection, table: Table, since: str, before: int, limit_rows: int) -> int:
    key: list[Any] = list(table.primary_key)
    oldest = select(*key).where(table.c[since] < before).order_by(table.c[since]).limit(limit_rows)
    return int(connection.execute(table.delete().where(tuple_(*key).in_(oldest))).rowcount)
