"""Transactions: one for each call, or one that joins several calls of a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, update
from sqlalchemy.exc import DBAPIError

from torouter.errors import StoreError
from torouter.store.engine import Home, faults_of, is_conflict
from torouter.store.schema import revision

__all__ = ["Transactions", "conflict"]

_T = TypeVar("_T")

_TRIES: Final = 4


class Transactions:
    def __init__(self, home: Home) -> None:
        self._home = home
        self._joined = threading.local()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._connected(self._home.reader) as connection:
            yield connection

    @contextmanager
    def viewing(self) -> Iterator[Connection]:
        """All that is read is as of one moment."""
        with self._connected(self._home.reader) as connection:
            if self._of_thread() is None:
                self._home.begin_view(connection)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """All or nothing, also where it is a part of others' transaction and fails within it."""
        with self._connected(self._home.writer) as connection:
            if self._of_thread() is None:
                yield connection
                return
            with connection.begin_nested():
                yield connection

    @contextmanager
    def changing(self) -> Iterator[tuple[Connection, int]]:
        """A writing transaction, and the number of the change. Whoever has taken a number keeps the next one waiting
        until it is committed, so that nobody sees a change before an earlier one."""
        with self.writing() as connection:
            self._home.keep_apart(connection, is_change=True)
            number = update(revision).values(value=revision.c.value + 1).returning(revision.c.value)
            yield connection, int(connection.execute(number).scalar_one())

    @contextmanager
    def charging(self) -> Iterator[Connection]:
        """A writing transaction that adds to what accounts and keys have spent: any number of them at once."""
        with self.writing() as connection:
            self._home.keep_apart(connection, is_change=False)
            yield connection

    @contextmanager
    def joining(self, *, is_change: bool = False) -> Iterator[None]:
        with self.writing() as connection:
            if is_change:
                self._home.keep_apart(connection, is_change=True)
            before = self._of_thread()
            self._joined.connection = connection
            try:
                yield
            finally:
                self._joined.connection = before

    def repeated(
        self, transaction: Callable[[], AbstractContextManager[Connection]], work: Callable[[Connection], _T]
    ) -> _T:
        """What the work returns, in such a transaction, which is begun again if another's was in its way."""
        for _ in range(_TRIES - 1):
            try:
                with transaction() as connection:
                    return work(connection)
            except StoreError as error:
                if not self._is_passing(error):
                    raise
        with transaction() as connection:
            return work(connection)

    def _is_passing(self, error: StoreError) -> bool:
        """Not within others' transaction: all of that would have to begin again."""
        cause = error.__cause__
        return self._of_thread() is None and isinstance(cause, DBAPIError) and self._home.is_passing(cause)

    def _of_thread(self) -> Connection | None:
        connection: Connection | None = getattr(self._joined, "connection", None)
        return connection

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        joined = self._of_thread()
        if joined is not None:
            yield joined
            return
        with faults_of(self._home), engine.begin() as connection:
            yield connection


@contextmanager
def conflict(sentence: str) -> Iterator[None]:
    """Says so where a constraint is broken within."""
    try:
        yield
    except DBAPIError as error:
        if not is_conflict(error):
            raise
        raise StoreError(sentence, kind="conflict") from error
