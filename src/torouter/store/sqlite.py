"""A store on SQLite: one file in the data directory."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from torouter.errors import ConfigError, StoreError

__all__ = ["FILE_NAME", "SqliteHome"]

FILE_NAME = "torouter.db"

_WRITES = "torouter_writes"
"""Execution option of connections that will write. SQLite gives them the write lock when they begin: a transaction
that reads first and then writes would be refused at once, without waiting, if another had written in between."""

_OLDEST = (3, 35)
"""Has RETURNING, the last to come of what the statements use."""

_BUSY_S = 10.0
_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    # With a write-ahead log this loses the last commits when the machine's power fails, never the file's integrity.
    "PRAGMA synchronous = NORMAL",
)


class SqliteHome:
    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self.path = data_dir / FILE_NAME
        self.place = str(self.path)
        self.reader = _make_engine(self.path)
        self.writer = self.reader.execution_options(**{_WRITES: True})

    @property
    def is_there(self) -> bool:
        return self.path.exists()

    def prepare(self) -> None:
        """Makes the directory (0700) and an empty database file (0600) where they are missing.

        SQLite gives its log files the mode of the database file. What exists keeps the mode its owner gave it.
        """
        _require_version(sqlite3.sqlite_version_info)
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as error:
            raise StoreError(
                f"The data directory {self._data_dir} cannot be used: {error.strerror}. Give a directory that this "
                "user may write to, with --data or TOROUTER_DATA."
            ) from error

    @contextmanager
    def only_one(self) -> Iterator[Connection]:
        """A writing transaction for changes of the schema, of which there is one at a time over all processes.

        The lock on the directory stands before the database's own because the switch to the write-ahead log, of a new
        file, does not wait: it is refused at once while another process writes (seen with SQLite 3.40).
        """
        directory = os.open(self._data_dir, os.O_RDONLY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            with self.reader.connect() as connection:
                _switch_to_log(connection)
            with self.writer.begin() as connection:
                yield connection
        finally:
            os.close(directory)

    def fault(self, error: Exception) -> StoreError | None:
        if not isinstance(error, DBAPIError | sqlite3.Error):
            return None
        return StoreError(f"The store {self.place} {_advice(error)}")

    def is_passing(self, error: DBAPIError) -> bool:
        """Never: who writes here waits, and then is alone."""
        return False

    def keep_apart(self, connection: Connection, *, is_change: bool) -> None:
        """Who writes is alone."""

    def begin_view(self, connection: Connection) -> None:
        """Every transaction sees the store as of one moment."""


def _require_version(found: tuple[int, ...]) -> None:
    if found < _OLDEST:
        raise ConfigError(
            f"This Python was built with SQLite {'.'.join(map(str, found))}, and ToRouter needs "
            f"{'.'.join(map(str, _OLDEST))} or newer. Use a newer Python, or a store on PostgreSQL."
        )


def _make_engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)), connect_args={"timeout": _BUSY_S}, pool_size=4
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        assert isinstance(connection, sqlite3.Connection)
        connection.isolation_level = None  # the driver would begin transactions by its own rules; `_begin` does instead
        for pragma in _PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        is_writing = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")

    return engine


def _switch_to_log(connection: Connection) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.execute("PRAGMA journal_mode = WAL")  # not within a transaction, so not through SQLAlchemy


def _advice(error: DBAPIError | sqlite3.Error) -> str:
    words = str(error.orig if isinstance(error, DBAPIError) else error)
    if "locked" in words or "busy" in words:
        return (
            f"was busy for {_BUSY_S:.0f} s: another process holds it. Wait for that process or end it, and try again."
        )
    if "readonly" in words or "unable to open" in words:
        return "cannot be opened for writing: give this user the right to write to the file and its directory."
    if "full" in words:
        return "cannot grow: the disk is full. Free some space and try again."
    if "not a database" in words or "malformed" in words:
        return f"is damaged ({words}): put a backup in its place, or move the file away to start with an empty store."
    return f"cannot be used: {words}. `torouter db check` tells more."
