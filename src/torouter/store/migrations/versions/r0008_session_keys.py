"""Keys that belong to a session of the portal, for its playground."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["branch_labels", "depends_on", "down_revision", "revision", "upgrade"]

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_IS_LIVING = sa.text("session_id IS NOT NULL AND deleted_ms IS NULL")


def upgrade() -> None:
    op.add_column("keys", sa.Column("session_id", _ID))
    op.create_index("ix_keys_session_id", "keys", ["session_id"], sqlite_where=_IS_LIVING, postgresql_where=_IS_LIVING)
