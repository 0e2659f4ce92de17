"""Writing down what requests used and cost: rows, totals and roll-ups in one transaction.

An account is charged what the attempts in the ledger sum up to, so that its balance stays the ledger's sum; a key and
a plan's windows what the request cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import BigInteger, Boolean, Connection, Integer, Table

from torouter.store.batch import Batch
from torouter.store.bulk import Bulk, ColumnType
from torouter.store.ordered import lock_in_order
from torouter.store.rows import Entry, LedgerRow, UsageRow
from torouter.store.schema import accounts, key_minutes, keys, ledger, plan_spend, usage, usage_days, usage_hours
from torouter.store.segments import is_new
from torouter.store.spent import meter_names, read_spent

__all__ = ["INSERT_USAGE", "write"]


def _types(table: Table, names: Iterable[str]) -> dict[str, ColumnType]:
    return {name: _type_of(table, name) for name in names}


def _type_of(table: Table, name: str) -> ColumnType:
    kind = table.c[name].type
    if isinstance(kind, BigInteger):
        return "bigint"
    if isinstance(kind, Integer):
        return "integer"
    return "boolean" if isinstance(kind, Boolean) else "text"


def _insertion(table: Table, names: Sequence[str]) -> Bulk:
    listed = ", ".join(f'"{name}"' for name in names)
    return Bulk(_types(table, names), f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM given")  # noqa: S608


def _addition(table: Table, names: Sequence[str]) -> Bulk:
    """Adds to the row with the same primary key, or makes it."""
    key = [column.name for column in table.primary_key]
    sums = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in names if name not in key)
    listed = ", ".join(f'"{name}"' for name in names)
    place = ", ".join(f'"{name}"' for name in key)
    return Bulk(
        _types(table, names),
        f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM given WHERE true "  # noqa: S608
        f"ON CONFLICT ({place}) DO UPDATE SET {sums}",
    )


INSERT_USAGE: Final = _insertion(usage, UsageRow._fields)
_INSERT_LEDGER: Final = _insertion(ledger, LedgerRow._fields)
_CHARGE_ACCOUNTS: Final = Bulk(
    {"which": "bigint", "amount": "bigint"},
    "UPDATE accounts SET charged_nusd = charged_nusd + amount FROM given WHERE id = which RETURNING id, charged_nusd",
)
_CHARGE_KEYS: Final = Bulk(
    {"which": "bigint", "amount": "bigint", "at_ms": "bigint", "address": "text"},
    "UPDATE keys SET spent_nusd = spent_nusd + amount, "
    "last_used_ms = CASE WHEN last_used_ms > at_ms THEN last_used_ms ELSE at_ms END, "
    "last_used_address = CASE WHEN last_used_ms > at_ms OR address = '' THEN last_used_address ELSE address END "
    "FROM given WHERE id = which RETURNING id, spent_nusd",
)
_ADD_PLAN_SPEND: Final = _addition(plan_spend, plan_spend.c.keys())
_ADD_MINUTES: Final = _addition(key_minutes, key_minutes.c.keys())
_ADD_HOURS: Final = _addition(usage_hours, usage_hours.c.keys())
_ADD_DAYS: Final = _addition(usage_days, usage_days.c.keys())


def write(connection: Connection, entries: Sequence[Entry], segment: str, now_ms: int) -> dict[str, int]:
    batch = Batch(entries)
    names = meter_names(batch.accounts, batch.keys, batch.plans)
    if segment and not is_new(connection, segment, now_ms):
        return read_spent(connection, names)
    INSERT_USAGE.run(connection, [entry.usage for entry in entries])
    _INSERT_LEDGER.run(connection, [row for entry in entries for row in entry.attempts])
    totals = _charge(connection, batch)
    _ADD_MINUTES.run(connection, batch.minute_rows())
    _ADD_HOURS.run(connection, batch.hour_rows())
    _ADD_DAYS.run(connection, batch.day_rows())
    return totals


def _charge(connection: Connection, batch: Batch) -> dict[str, int]:
    """What others change too, in one order everywhere: accounts, keys, plans, each by rising id."""
    account_rows, key_rows, plan_rows = batch.account_rows(), batch.key_rows(), batch.plan_rows()
    lock_in_order(connection, accounts, [row[0] for row in account_rows])
    charged = _CHARGE_ACCOUNTS.run(connection, account_rows)
    lock_in_order(connection, keys, [row[0] for row in key_rows])
    spent = _CHARGE_KEYS.run(connection, key_rows)
    _ADD_PLAN_SPEND.run(connection, plan_rows)
    totals = {f"a:{account_id}": nusd for account_id, nusd in charged} | {f"k:{key_id}": nusd for key_id, nusd in spent}
    return totals | read_spent(connection, meter_names((), (), batch.plans))
