"""The index of failures knows their statuses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["branch_labels", "depends_on", "down_revision", "revision", "upgrade"]

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_failure = sa.text("outcome <> 'ok'")
    op.drop_index("ix_usage_failures", "usage")
    op.create_index(
        "ix_usage_failures",
        "usage",
        ["account_id", "outcome", "at_ms", "id", "key_id", "model", "status"],
        sqlite_where=is_failure,
        postgresql_where=is_failure,
    )
