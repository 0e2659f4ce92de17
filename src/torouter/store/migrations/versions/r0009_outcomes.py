"""Roll-ups know the outcome of requests, and requests of one outcome or model are found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["branch_labels", "depends_on", "down_revision", "revision", "upgrade"]

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_COUNTERS = (
    "requests",
    "failures",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "cost_nusd",
)


def upgrade() -> None:
    for name, since, step_ms in (("usage_hours", "hour_ms", _HOUR_MS), ("usage_days", "day_ms", _DAY_MS)):
        _set_aside(name, since)
        _create_sums(name, since)
        _fill(name, since, step_ms)
        op.drop_table(f"{name}_before")
    for first in ("account_id", "key_id"):
        op.drop_index(f"ix_usage_{first}_at_ms", "usage")
    for columns in (
        ["account_id", "at_ms", "id", "outcome"],
        ["account_id", "model", "at_ms", "id", "outcome"],
        ["key_id", "at_ms", "id", "model", "outcome"],
    ):
        op.create_index(f"ix_usage_{'_'.join(columns)}", "usage", columns)
    is_failure = sa.text("outcome <> 'ok'")
    op.create_index(
        "ix_usage_failures",
        "usage",
        ["account_id", "outcome", "at_ms", "id", "key_id", "model"],
        sqlite_where=is_failure,
        postgresql_where=is_failure,
    )


def _set_aside(name: str, since: str) -> None:
    op.drop_index(f"ix_{name}_account_id_{since}", name)
    op.rename_table(name, f"{name}_before")
    if op.get_bind().dialect.name == "postgresql":  # names of indices are the schema's there, and not the table's
        op.execute(f"ALTER INDEX pk_{name} RENAME TO pk_{name}_before")


def _create_sums(name: str, since: str) -> None:
    op.create_table(
        name,
        sa.Column("account_id", _ID, nullable=False),
        sa.Column(since, sa.BigInteger, nullable=False),
        sa.Column("key_id", _ID, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        *(sa.Column(counter, sa.BigInteger, nullable=False) for counter in _COUNTERS),
        sa.PrimaryKeyConstraint("account_id", since, "key_id", "model", "outcome", name=f"pk_{name}"),
        sqlite_with_rowid=False,
    )
    op.create_index(f"ix_{name}_{since}", name, [since])


def _fill(name: str, since: str, step_ms: int) -> None:
    """From the requests themselves. What the old sums have beyond them was pruned, and nobody knows its outcome any
    more."""
    _by_day("usage", "at_ms", _of_requests(name, since, step_ms))
    _by_day(f"{name}_before", since, _of_pruned(name, since))


def _by_day(source: str, at: str, statement: str) -> None:
    """So that nothing sorts more than a day's requests at a time, and none of them comes here."""
    connection = op.get_bind()
    first, last = connection.execute(sa.text(f"SELECT min({at}), max({at}) FROM {source}")).one()  # noqa: S608
    if first is None:
        return
    for from_ms in range(first - first % _DAY_MS, last + 1, _DAY_MS):
        connection.execute(sa.text(statement), {"from_ms": from_ms, "until_ms": from_ms + _DAY_MS})


def _of_requests(name: str, since: str, step_ms: int) -> str:
    summed = ", ".join(f"sum({counter})" for counter in _COUNTERS[2:])
    return (
        f"INSERT INTO {name} (account_id, {since}, key_id, model, outcome, {', '.join(_COUNTERS)}) "  # noqa: S608
        f"SELECT account_id, at_ms / {step_ms} * {step_ms}, key_id, model, outcome, count(*), "
        f"sum(CASE WHEN outcome <> 'ok' THEN 1 ELSE 0 END), {summed} FROM usage "
        "WHERE at_ms >= :from_ms AND at_ms < :until_ms GROUP BY 1, 2, 3, 4, 5"
    )


def _of_pruned(name: str, since: str) -> str:
    place = f"account_id, {since}, key_id, model"
    is_same = " AND ".join(f"one.{column} = kept.{column}" for column in place.split(", "))
    within = f"{since} >= :from_ms AND {since} < :until_ms"
    left = ", ".join(f"one.{counter} - coalesce(kept.{counter}, 0)" for counter in _COUNTERS)
    summed = ", ".join(f"sum({counter}) AS {counter}" for counter in _COUNTERS)
    return (
        f"INSERT INTO {name} ({place}, outcome, {', '.join(_COUNTERS)}) "  # noqa: S608
        f"SELECT one.account_id, one.{since}, one.key_id, one.model, '', {left} FROM {name}_before AS one "
        f"LEFT JOIN (SELECT {place}, {summed} FROM {name} WHERE {within} GROUP BY {place}) AS kept ON {is_same} "
        f"WHERE one.{since} >= :from_ms AND one.{since} < :until_ms AND one.requests > coalesce(kept.requests, 0)"
    )
