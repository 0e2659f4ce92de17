"""Brings a store to the schema of this version, and refuses one from a newer version.

Revisions form one line. A new one is a file in `migrations/versions/` and its id at the end of `REVISIONS`; the ids
stand here too so that a start on a current store need not load Alembic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection, inspect, text

from torouter.errors import StoreError
from torouter.store.engine import FILE_NAME, faults_of, make_engine

__all__ = ["MIGRATIONS", "REVISIONS", "SchemaState", "schema_state", "upgrade"]

REVISIONS: Final = ("0001", "0002", "0003", "0004")
MIGRATIONS: Final = Path(__file__).parent / "migrations"

_VERSION_TABLE: Final = "alembic_version"


class SchemaState(msgspec.Struct, frozen=True, kw_only=True):
    """`found` is `None` where there is no store yet, or nothing in it."""

    path: Path
    found: str | None
    expected: str

    @property
    def is_current(self) -> bool:
        return self.found == self.expected

    @property
    def is_known(self) -> bool:
        return self.found is None or self.found in REVISIONS


def schema_state(data_dir: Path) -> SchemaState:
    """Looks and changes nothing. Raises `StoreError` if the file cannot be read."""
    path = data_dir / FILE_NAME
    found: str | None = None
    if path.exists():
        engine = make_engine(path)
        try:
            with faults_of(path), engine.connect() as connection:
                found = _revision_of(connection)
        finally:
            engine.dispose()
    return SchemaState(path=path, found=found, expected=REVISIONS[-1])


def upgrade(connection: Connection, path: Path) -> None:
    """Within the caller's transaction: all of it or nothing. Raises `StoreError` for a schema from a newer version."""
    state = SchemaState(path=path, found=_revision_of(connection), expected=REVISIONS[-1])
    if not state.is_known:
        raise StoreError(
            f"The store {path} has schema {state.found}, and this version of torouter knows schemas up to "
            f"{state.expected}: a newer version has upgraded it. Install that version again, or put a backup of the "
            "store from before the upgrade in its place."
        )
    if not state.is_current:
        _run_alembic(connection)


def _revision_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608
    return None if found is None else str(found)


def _run_alembic(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
