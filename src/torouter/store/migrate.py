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
from torouter.store.engine import faults_of, open_home
from torouter.units import Secret

__all__ = ["MIGRATIONS", "REVISIONS", "SchemaState", "schema_state", "upgrade"]

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011")
MIGRATIONS: Final = Path(__file__).parent / "migrations"

_VERSION_TABLE: Final = "alembic_version"


class SchemaState(msgspec.Struct, frozen=True, kw_only=True):
    """`place` is where the store is, for people. `found` is `None` where there is no store yet, or nothing in it."""

    place: str
    found: str | None
    expected: str

    @property
    def is_current(self) -> bool:
        return self.found == self.expected

    @property
    def is_known(self) -> bool:
        return self.found is None or self.found in REVISIONS


def schema_state(data_dir: Path, database: Secret | None = None) -> SchemaState:
    """Looks and changes nothing. Raises `StoreError` if the store cannot be read."""
    home = open_home(data_dir, database)
    found: str | None = None
    try:
        if home.is_there:
            with faults_of(home), home.reader.connect() as connection:
                found = _revision_of(connection)
    finally:
        home.reader.dispose()
    return SchemaState(place=home.place, found=found, expected=REVISIONS[-1])


def upgrade(connection: Connection, place: str) -> None:
    """Within the caller's transaction: all of it or nothing. Raises `StoreError` for a schema from a newer version."""
    state = SchemaState(place=place, found=_revision_of(connection), expected=REVISIONS[-1])
    if not state.is_known:
        raise StoreError(
            f"The store {place} has schema {state.found}, and this version of torouter knows schemas up to "
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
