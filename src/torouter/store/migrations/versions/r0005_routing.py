"""Routing: why each attempt was made and left, and what it cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["branch_labels", "depends_on", "down_revision", "revision", "upgrade"]

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("credential", "picked", "left_for"):
        op.add_column("ledger", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("ledger", sa.Column("cost_nusd", sa.BigInteger, nullable=False, server_default="0"))
