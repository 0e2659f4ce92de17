"""Queries of the ledger, within a transaction of `Store`'s."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Select, insert, select

from torouter.errors import StoreError
from torouter.store import accounts as accounts_of
from torouter.store.columns import set_columns
from torouter.store.rows import AccountRow, LedgerKind, LedgerRow, StoredLedgerRow
from torouter.store.schema import accounts, ledger
from torouter.units import wall_ms

__all__ = ["attempts_of", "move", "page"]

_Rows: TypeAlias = Select[*tuple[Any, ...]]

_OF = ledger.c
_ROWS: _Rows = select(_OF.id, *(_OF[name] for name in LedgerRow._fields))
_NO_REQUEST: Final = {
    "key_id": 0,
    "request_id": "",
    "attempt": 0,
    "channel": "",
    "upstream_model": "",
    "status": 0,
    "outcome": "",
    "latency_ms": 0,
}


def move(
    connection: Connection, number: int, account_id: int, kind: LedgerKind, amount_nusd: int, note: str
) -> AccountRow:
    if kind == "attempt":
        raise StoreError("An attempt is written with the request that it belongs to.", kind="bad_request")
    values = {"credited_nusd": accounts.c.credited_nusd + amount_nusd, "revision": number}
    set_columns(connection, accounts, account_id, values, f"There is no account {account_id}.")
    row = {"at_ms": wall_ms(), "account_id": account_id, "kind": kind, "amount_nusd": amount_nusd, "note": note}
    connection.execute(insert(ledger).values(row | _NO_REQUEST))
    return accounts_of.get(connection, account_id)


def page(connection: Connection, account_id: int, before_id: int | None, limit: int) -> list[StoredLedgerRow]:
    query = _ROWS.where(_OF.account_id == account_id).order_by(_OF.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(_OF.id < before_id)
    return [StoredLedgerRow(row[0], LedgerRow(*row[1:])) for row in connection.execute(query)]


def attempts_of(connection: Connection, request_id: str) -> list[LedgerRow]:
    if not request_id:
        return []
    query = _ROWS.where(_OF.request_id == request_id).order_by(_OF.attempt)
    return [LedgerRow(*row[1:]) for row in connection.execute(query)]
