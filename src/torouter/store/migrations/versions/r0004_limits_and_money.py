"""Limits, money and who changed what: columns of accounts, groups, keys and usage, and the tables beside them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["branch_labels", "depends_on", "down_revision", "revision", "upgrade"]

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _widen_accounts_and_groups()
    _widen_keys()
    _widen_usage()
    _create_plans()
    _create_ledger()
    _create_sums("usage_hours", "hour_ms")
    _create_sums("usage_days", "day_ms")
    _create_processes()
    _create_administration()


def _number(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=str(default))


def _widen_accounts_and_groups() -> None:
    op.add_column("accounts", sa.Column("billing", sa.Text, nullable=False, server_default="prepaid"))
    for column in (_number("credited_nusd"), _number("charged_nusd"), sa.Column("deleted_ms", sa.BigInteger)):
        op.add_column("accounts", column)
    op.add_column("accounts", _number("revision"))
    op.create_index("ix_accounts_revision", "accounts", ["revision"])
    # Those that are there have been served without a balance.
    accounts = sa.table("accounts", sa.column("billing", sa.Text))
    op.execute(accounts.update().values(billing="unlimited"))
    op.add_column("groups", sa.Column("platform", sa.Text, nullable=False, server_default=""))
    op.add_column("groups", sa.Column("billing", sa.Text, nullable=False, server_default="balance"))
    op.add_column("groups", _number("multiplier_ppm", 1_000_000))
    op.add_column("groups", sa.Column("models", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("groups", sa.Column("defaults", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("groups", sa.Column("deleted_ms", sa.BigInteger))
    op.add_column("groups", _number("revision"))


def _widen_keys() -> None:
    for name in ("cap_nusd", "limit_5h", "limit_1d", "limit_7d", "rpm", "tpm", "concurrency"):
        op.add_column("keys", _number(name))
    op.add_column("keys", sa.Column("ip_allow", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("keys", sa.Column("ip_deny", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("keys", sa.Column("is_strict", sa.Boolean))
    op.add_column("keys", sa.Column("on_hangup", sa.Text))
    op.add_column("keys", _number("spent_nusd"))
    op.add_column("keys", sa.Column("last_used_address", sa.Text))
    op.add_column("keys", sa.Column("replaces_id", _ID))
    op.add_column("keys", _number("revision"))
    op.create_index("ix_keys_revision", "keys", ["revision"])


def _widen_usage() -> None:
    op.add_column("usage", sa.Column("group_id", _ID, nullable=False, server_default="0"))
    op.add_column("usage", _number("cost_nusd"))
    op.add_column("usage", sa.Column("price_version", sa.Text, nullable=False, server_default=""))
    op.add_column("usage", sa.Column("cost_parts", sa.Text))
    op.create_index("ix_usage_account_id_at_ms", "usage", ["account_id", "at_ms"])
    op.create_index("ix_usage_key_id_at_ms", "usage", ["key_id", "at_ms"])
    op.create_index("ix_usage_at_ms", "usage", ["at_ms"])


def _create_plans() -> None:
    op.create_table(
        "plans",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("daily_nusd", sa.BigInteger, nullable=False),
        sa.Column("weekly_nusd", sa.BigInteger, nullable=False),
        sa.Column("monthly_nusd", sa.BigInteger, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("deleted_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
        sa.UniqueConstraint("name", name="uq_plans_name"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("group_id", _ID, nullable=False),
        sa.Column("plan_id", _ID, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("ends_ms", sa.BigInteger),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        _number("revision"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_subscriptions_account_id_accounts"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_subscriptions_group_id_groups"),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_subscriptions_plan_id_plans"),
    )
    op.create_index("ix_subscriptions_account_id_group_id", "subscriptions", ["account_id", "group_id"], unique=True)
    op.create_table(
        "plan_spend",
        sa.Column("subscription_id", _ID, nullable=False),
        sa.Column("window", sa.Text, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("spent_nusd", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("subscription_id", "window", "started_ms", name="pk_plan_spend"),
    )
    op.create_table(
        "key_minutes",
        sa.Column("key_id", _ID, nullable=False),
        sa.Column("minute", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key_id", "minute", name="pk_key_minutes"),
    )
    op.create_index("ix_key_minutes_minute", "key_minutes", ["minute"])


def _create_ledger() -> None:
    op.create_table(
        "prices",
        sa.Column("id", _ID, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("rates", sa.JSON, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("deleted_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_prices"),
    )
    op.create_table(
        "ledger",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("key_id", _ID, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("amount_nusd", sa.BigInteger, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("upstream_model", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("latency_ms", sa.BigInteger, nullable=False),
        sa.Column("first_token_ms", sa.BigInteger),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
    )
    op.create_index("ix_ledger_request_id", "ledger", ["request_id"])
    op.create_index("ix_ledger_account_id_id", "ledger", ["account_id", "id"])
    is_pruned = sa.text("kind = 'attempt' AND attempt = 0")
    op.create_index(
        "ix_ledger_pruned",
        "ledger",
        ["account_id", "key_id"],
        unique=True,
        sqlite_where=is_pruned,
        postgresql_where=is_pruned,
    )


def _create_sums(name: str, since: str) -> None:
    counters = (
        "requests",
        "failures",
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "output_tokens",
        "cost_nusd",
    )
    op.create_table(
        name,
        sa.Column(since, sa.BigInteger, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("key_id", _ID, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        *(sa.Column(counter, sa.BigInteger, nullable=False) for counter in counters),
        sa.PrimaryKeyConstraint(since, "account_id", "key_id", "model", name=f"pk_{name}"),
    )
    op.create_index(f"ix_{name}_account_id_{since}", name, ["account_id", since])


def _create_processes() -> None:
    op.create_table(
        "segments",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_segments"),
    )
    op.create_table(
        "processes",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("replica", sa.Text, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("seen_ms", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_processes"),
    )


def _create_administration() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("object_kind", sa.Text, nullable=False),
        sa.Column("object_id", _ID, nullable=False),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_object_kind_object_id", "audit", ["object_kind", "object_id"])
    op.create_table(
        "admin_tokens",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger),
        sa.Column("last_used_ms", sa.BigInteger),
        sa.Column("deleted_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_admin_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_admin_tokens_token_hash"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_admin_tokens_account_id_accounts"),
    )
