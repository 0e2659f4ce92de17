"""The one place that chooses the database: SQLite in the data directory, or a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from torouter.errors import StoreError
from torouter.store.sqlite import SqliteHome
from torouter.units import Secret

__all__ = ["Home", "faults_of", "is_conflict", "open_home", "sqlstate"]

_CONFLICTS = "23"
"""The class of SQLSTATEs that say so, of which PostgreSQL's driver makes no class of exceptions."""


class Home(Protocol):
    """Where a store lives. `place` may be shown: no password is in it."""

    @property
    def place(self) -> str: ...

    @property
    def reader(self) -> Engine: ...

    @property
    def writer(self) -> Engine: ...

    @property
    def is_there(self) -> bool:
        """May there be a store? Where there is none, looking for its schema would make an empty file."""
        ...

    def prepare(self) -> None:
        """Makes what must be there before anything connects."""
        ...

    def only_one(self) -> AbstractContextManager[Connection]:
        """A writing transaction for changes of the schema, of which there is one at a time over all processes."""
        ...

    def keep_apart(self, connection: Connection, *, is_change: bool) -> None:
        """For the rest of the transaction: changes of accounts and keys wait for those who charge them, and they for
        changes, whatever order either takes its rows in."""
        ...

    def begin_view(self, connection: Connection) -> None:
        """As its transaction's first statement: all that follow see the store as of one moment."""
        ...

    def fault(self, error: Exception) -> StoreError | None:
        """A driver's error as a sentence that says what to do; `None` for what is no driver's."""
        ...

    def is_passing(self, error: DBAPIError) -> bool:
        """Would the same transaction, begun again, probably succeed?"""
        ...


def open_home(data_dir: Path, database: Secret | None) -> Home:
    """Connects nowhere yet. Raises `ConfigError` for an address that is none, or whose driver is not installed."""
    if database is None:
        return SqliteHome(data_dir)
    from torouter.store.postgresql import PostgresqlHome

    return PostgresqlHome(database)


@contextmanager
def faults_of(home: Home) -> Iterator[None]:
    """Translates the driver's errors into `StoreError`."""
    try:
        yield
    except Exception as error:
        fault = home.fault(error)
        if fault is None:
            raise
        raise fault from error


def is_conflict(error: DBAPIError) -> bool:
    """Did it break a constraint: a name that is taken, a row that is not there?"""
    return isinstance(error, IntegrityError) or sqlstate(error).startswith(_CONFLICTS)


def sqlstate(error: DBAPIError) -> str:
    """PostgreSQL's five characters; empty where there are none."""
    facts = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return str(facts.get("C", "")) if isinstance(facts, dict) else ""
