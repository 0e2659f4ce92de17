"""What Alembic runs for every command. The connection, and the transaction around it, are the caller's."""

from __future__ import annotations

from alembic import context

from torouter.store.schema import metadata

__all__: list[str] = []

# `render_as_batch`: SQLite alters a table by copying it.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
