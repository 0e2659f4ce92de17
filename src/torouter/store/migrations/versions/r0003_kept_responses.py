"""Kept responses, and whether a key's answers may be kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["branch_labels", "depends_on", "down_revision", "revision", "upgrade"]

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("keys", sa.Column("keep_responses", sa.Boolean))
    op.create_table(
        "kept_responses",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("key_id", _ID, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.Column("sealed_bytes", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_kept_responses"),
    )
    op.create_index("ix_kept_responses_expires_ms", "kept_responses", ["expires_ms"])
    op.create_index(
        "ix_kept_responses_account_id_created_ms_sealed_bytes",
        "kept_responses",
        ["account_id", "created_ms", "sealed_bytes"],
    )
