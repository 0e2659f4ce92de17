"""Accounts, groups, keys, usage; the group `default`; the revision counter at 0."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from torouter.units import wall_ms

__all__ = ["branch_labels", "depends_on", "down_revision", "revision", "upgrade"]

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _create_accounts_and_keys()
    _create_usage()
    op.create_table(
        "revision",
        sa.Column("id", _ID, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
    )
    groups = sa.table("groups", sa.column("name", sa.Text), sa.column("created_ms", sa.BigInteger))
    counter = sa.table("revision", sa.column("id", sa.Integer), sa.column("value", sa.BigInteger))
    op.execute(groups.insert().values(name="default", created_ms=wall_ms()))
    op.execute(counter.insert().values(id=1, value=0))


def _create_accounts_and_keys() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", _ID, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("email", name="uq_accounts_email"),
    )
    op.create_table(
        "groups",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_groups"),
        sa.UniqueConstraint("name", name="uq_groups_name"),
    )
    op.create_table(
        "keys",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("group_id", _ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("key_hash", sa.LargeBinary, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("tail", sa.Text, nullable=False),
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("expires_ms", sa.BigInteger),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("last_used_ms", sa.BigInteger),
        sa.Column("deleted_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.UniqueConstraint("key_hash", name="uq_keys_key_hash"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_keys_account_id_accounts"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_keys_group_id_groups"),
    )
    op.create_index("ix_keys_account_id", "keys", ["account_id"])


def _create_usage() -> None:
    counters = (
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cache_write_5m_tokens",
        "cache_write_1h_tokens",
        "tool_input_tokens",
        "output_tokens",
        "reasoning_tokens",
    )
    op.create_table(
        "usage",
        sa.Column("id", _ID, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("key_id", _ID, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("surface", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("dialect_in", sa.Text, nullable=False),
        sa.Column("dialect_out", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("upstream_model", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("is_stream", sa.Boolean, nullable=False),
        sa.Column("retries", sa.Integer, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in counters),
        sa.Column("quality", sa.Text, nullable=False),
        sa.Column("latency_ms", sa.BigInteger, nullable=False),
        sa.Column("first_token_ms", sa.BigInteger),
        sa.Column("losses", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_usage"),
    )
    op.create_index("ix_usage_request_id", "usage", ["request_id"])
