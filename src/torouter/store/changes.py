"""What became different after a revision: what deciding about requests follows.

A store may hold a million keys, so their rows do not pass through SQLAlchemy: SQLite's driver makes tuples of them,
and PostgreSQL one JSON text of each page, because its driver, written in Python, takes longer for a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import Connection, select

from torouter.store import channels, groups, plans
from torouter.store.rows import AccessKeyRow, AccountRow, Changes, KeyStatus, LimitColumns
from torouter.store.schema import revision

__all__ = ["changes_since", "revision_of"]

_Values: TypeAlias = Sequence[Any]

_PAGE_ROWS: Final = 5000
_LIMITS: Final = LimitColumns.__struct_fields__
_KEY_COLUMNS: Final = (
    "id",
    "key_hash",
    "name",
    "account_id",
    "group_id",
    "models",
    "status",
    "expires_ms",
    "keep_responses",
    "ip_allow",
    "ip_deny",
    "is_strict",
    "on_hangup",
    "deleted_ms",
    "session_id",
    *_LIMITS,
)
_STATUSES: Final[dict[str, KeyStatus]] = {"enabled": "enabled", "disabled": "disabled"}
_ACCOUNT_COLUMNS: Final = AccountRow.__struct_fields__


def revision_of(connection: Connection) -> int:
    return int(connection.execute(select(revision.c.value)).scalar_one())


def changes_since(connection: Connection, since: int) -> Changes:
    """Keys that are deleted are nothing to those who have seen nothing."""
    number = revision_of(connection)
    shown = "deleted_ms IS NULL" if since == 0 else f"revision > {since:d}"
    is_paged = since == 0
    made = _KeyMaker()
    keys = tuple(map(made, _rows(connection, "keys", _KEY_COLUMNS, shown, is_paged)))
    rows = _rows(connection, "accounts", _ACCOUNT_COLUMNS, "true" if since == 0 else shown, is_paged)
    return Changes(
        revision=number,
        keys=keys,
        accounts=tuple(map(_account, rows)),
        groups=tuple(groups.every(connection, include_deleted=True)),
        subscriptions=tuple(plans.subscriptions_of(connection, None)),
        channels=tuple(channels.every(connection)) if channels.has_changed(connection, since) else None,
    )


class _KeyMaker:
    """What many keys have alike they share: a million of them fit."""

    __slots__ = ("_limits", "_lists")

    def __init__(self) -> None:
        self._limits: dict[tuple[int, ...], LimitColumns] = {}
        self._lists: dict[str, tuple[str, ...]] = {"[]": ()}

    def __call__(self, row: _Values) -> AccessKeyRow:
        limits, lists = self._limits, self._lists
        models, ip_allow, ip_deny, own_limits = row[5], row[9], row[10], (*row[15:],)
        return AccessKeyRow(
            row[0],
            row[1] if isinstance(row[1], bytes) else bytes.fromhex(row[1]),
            row[2],
            row[3],
            row[4],
            lists[models] if models in lists else self._list(models),
            _STATUSES[row[6]],
            row[7],
            None if row[8] is None else bool(row[8]),
            limits[own_limits] if own_limits in limits else self._limits_of(own_limits),
            lists[ip_allow] if ip_allow in lists else self._list(ip_allow),
            lists[ip_deny] if ip_deny in lists else self._list(ip_deny),
            None if row[11] is None else bool(row[11]),
            row[12],
            row[13] is not None,
            row[14] is not None,
        )

    def _list(self, written: str) -> tuple[str, ...]:
        return self._lists.setdefault(written, msgspec.json.decode(written, type=tuple[str, ...]))

    def _limits_of(self, values: tuple[int, ...]) -> LimitColumns:
        return self._limits.setdefault(values, LimitColumns(**dict(zip(_LIMITS, values, strict=True))))


def _account(row: _Values) -> AccountRow:
    return AccountRow(**dict(zip(_ACCOUNT_COLUMNS, row, strict=True)))


def _rows(connection: Connection, table: str, columns: Sequence[str], shown: str, is_paged: bool) -> Iterable[_Values]:
    if connection.dialect.name == "sqlite":
        return _tuples(connection, f"SELECT {', '.join(columns)} FROM {table} WHERE {shown}")  # noqa: S608
    return _lists(connection, table, columns, shown, is_paged)


def _tuples(connection: Connection, text: str) -> Iterator[_Values]:
    cursor = connection.connection.cursor()
    try:
        cursor.execute(text)
        while page := cursor.fetchmany(_PAGE_ROWS):
            yield from page
    finally:
        cursor.close()


def _lists(connection: Connection, table: str, columns: Sequence[str], shown: str, is_paged: bool) -> Iterator[_Values]:
    fields = ", ".join(_JSON_FORMS.get(column, column) for column in columns)
    text = f"SELECT json_agg(json_build_array({fields}))::text FROM {table} WHERE {shown}"  # noqa: S608
    for part in _id_ranges(connection, table) if is_paged else ("",):
        found = connection.exec_driver_sql(text + part).scalar_one()
        page: list[list[Any]] = [] if found is None else msgspec.json.decode(found)
        yield from page


def _id_ranges(connection: Connection, table: str) -> Iterator[str]:
    """Rather than so many rows after an id: for those a server without statistics reads the whole table each time."""
    last = connection.exec_driver_sql(f"SELECT max(id) FROM {table}").scalar_one() or 0  # noqa: S608
    for after in range(0, last, _PAGE_ROWS):
        yield f" AND id > {after:d} AND id <= {after + _PAGE_ROWS:d}"


_JSON_FORMS: Final = {
    "key_hash": "encode(key_hash, 'hex')",
    "models": "models::text",
    "ip_allow": "ip_allow::text",
    "ip_deny": "ip_deny::text",
}
