"""Channels that people change while the gateway runs, and what groups say of routing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["branch_labels", "depends_on", "down_revision", "revision", "upgrade"]

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("groups", sa.Column("routing", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("groups", sa.Column("managed_by", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "channels",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("is_enabled", sa.Boolean, nullable=False),
        sa.Column("managed_by", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("deleted_ms", sa.BigInteger),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_channels"),
        sa.UniqueConstraint("name", name="uq_channels_name"),
    )
    op.create_index("ix_channels_revision", "channels", ["revision"])
    op.create_table(
        "channel_credentials",
        sa.Column("id", _ID, nullable=False),
        sa.Column("channel_id", _ID, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("tail", sa.Text, nullable=False),
        sa.Column("set_ms", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_channel_credentials"),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name="fk_channel_credentials_channel_id_channels"),
    )
    op.create_index(
        "ix_channel_credentials_channel_id_label", "channel_credentials", ["channel_id", "label"], unique=True
    )
