"""`Store`: every query there is, over one engine.

Safe to use from several threads: each call is a transaction of its own, unless `transaction` joins several into one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from pathlib import Path
from typing import Final, Self

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from torouter.errors import StoreError
from torouter.store import kept, statements
from torouter.store.engine import WRITES, faults_of, make_engine, only_one, prepare_directory
from torouter.store.migrate import upgrade
from torouter.store.rows import AccessRows, AccountRow, GroupRow, KeptResponseRow, KeyRow, KeyStatus, Role, UsageRow
from torouter.store.schema import accounts, groups, keys, revision, usage, vault
from torouter.units import wall_ms

__all__ = ["Store"]

_BLOCK_ROWS: Final = 30
"""Times 31 columns: below the 999 variables that every build of SQLite takes."""
_BLOCK_KEYS: Final = 500
_TIDY_ROWS: Final = 5000


class Store:
    """Every call raises `StoreError`: the store is unusable, or (its `kind` is `not_found` or `conflict`) what was
    asked for does not exist, or exists already."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._reader = engine
        self._writer = engine.execution_options(**{WRITES: True})
        self._joined = threading.local()
        self._insert_usage = str(insert(usage).values(dict.fromkeys(UsageRow._fields)).compile(dialect=engine.dialect))
        head, _, row = self._insert_usage.partition(" VALUES ")
        self._insert_usage_block = f"{head} VALUES {', '.join([row] * _BLOCK_ROWS)}"

    @classmethod
    def open(cls, data_dir: Path) -> Self:
        """Opens the store of a data directory, making or upgrading it where needed. May wait for another process."""
        path = prepare_directory(data_dir)
        engine = make_engine(path)
        try:
            with faults_of(path), only_one(data_dir, engine) as connection:
                upgrade(connection, path)
        except BaseException:
            engine.dispose()
            raise
        return cls(path, engine)

    def close(self) -> None:
        self._reader.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Joins this thread's calls: all of them take effect or none, and nobody else writes meanwhile."""
        with self._writing() as connection:
            before = getattr(self._joined, "connection", None)
            self._joined.connection = connection
            try:
                yield
            finally:
                self._joined.connection = before

    # Accounts and groups

    def create_account(self, email: str, display_name: str, role: Role) -> AccountRow:
        """An active account."""
        account = insert(accounts).values(
            email=email, display_name=display_name, role=role, status="active", created_ms=wall_ms()
        )
        with self._writing() as connection, _conflict(f"There is an account with the address {email} already."):
            row = connection.execute(account.returning(*statements.ACCOUNTS.selected_columns)).one()
            _raise_revision(connection)
        return statements.to_account(row)

    def first_account(self) -> AccountRow | None:
        """The account that was made first: the operator's own."""
        with self._reading() as connection:
            row = connection.execute(statements.ACCOUNTS.limit(1)).one_or_none()
        return None if row is None else statements.to_account(row)

    def list_accounts(self) -> list[AccountRow]:
        with self._reading() as connection:
            return [statements.to_account(row) for row in connection.execute(statements.ACCOUNTS)]

    def create_group(self, name: str) -> GroupRow:
        group = insert(groups).values(name=name, created_ms=wall_ms())
        with self._writing() as connection, _conflict(f"There is a group named {name} already."):
            row = connection.execute(group.returning(*statements.GROUPS.selected_columns)).one()
            _raise_revision(connection)
        return statements.to_group(row)

    def list_groups(self) -> list[GroupRow]:
        with self._reading() as connection:
            return [statements.to_group(row) for row in connection.execute(statements.GROUPS)]

    # Keys

    def create_key(
        self,
        *,
        account_id: int,
        group: str,
        name: str,
        key_hash: bytes,
        head: str,
        tail: str,
        models: Sequence[str] = (),
        expires_ms: int | None = None,
        keep_responses: bool | None = None,
    ) -> KeyRow:
        """An enabled key. `head` and `tail` are the parts of it that may be shown; no models means all models."""
        with self._writing() as connection:
            key = insert(keys).values(
                account_id=account_id,
                group_id=_group_id(connection, group),
                name=name,
                key_hash=key_hash,
                head=head,
                tail=tail,
                models=list(models),
                status="enabled",
                expires_ms=expires_ms,
                created_ms=wall_ms(),
                keep_responses=keep_responses,
            )
            with _conflict("This key exists already (a deleted one cannot come back), or its account does not exist."):
                key_id = connection.execute(key.returning(keys.c.id)).scalar_one()
            _raise_revision(connection)
            return _key(connection, key_id)

    def list_keys(self, *, include_deleted: bool = False) -> list[KeyRow]:
        query = statements.KEYS if include_deleted else statements.KEYS.where(keys.c.deleted_ms.is_(None))
        with self._reading() as connection:
            return [statements.to_key(row) for row in connection.execute(query)]

    def find_key(self, key_hash: bytes) -> KeyRow | None:
        """The key with this hash, deleted or not."""
        with self._reading() as connection:
            row = connection.execute(statements.KEYS.where(keys.c.key_hash == key_hash)).one_or_none()
        return None if row is None else statements.to_key(row)

    def set_key_status(self, key_id: int, status: KeyStatus) -> KeyRow:
        return self._change_key(key_id, {"status": status})

    def delete_key(self, key_id: int) -> KeyRow:
        """For good: the row stays for the usage that names it, but nothing brings the key back."""
        return self._change_key(key_id, {"deleted_ms": wall_ms()})

    def touch_keys(self, last_used_ms: Mapping[int, int]) -> None:
        """Moves the `last_used_ms` of keys (by id) forward, never back. No new revision: no decision depends on it."""
        if not last_used_ms:
            return
        touched = [{"touched_id": key_id, "at_ms": at_ms} for key_id, at_ms in last_used_ms.items()]
        with self._writing() as connection:
            connection.execute(statements.TOUCH_KEY, touched)

    # What deciding needs

    def revision(self) -> int:
        """Rises with every change of accounts, groups and keys. One small read, cheap enough to be asked often."""
        with self._reading() as connection:
            return int(connection.execute(statements.REVISION).scalar_one())

    def access_rows(self) -> AccessRows:
        """All keys that are not deleted, and the revision they belong to, as of one moment."""
        with self._reading() as connection:
            number = int(connection.execute(statements.REVISION).scalar_one())
            rows = tuple(statements.to_access(row) for row in connection.execute(statements.ACCESS))
        return AccessRows(revision=number, keys=rows)

    # Usage

    def insert_usage(self, rows: Sequence[UsageRow]) -> None:
        """All rows or none, without SQLAlchemy's work for each: about 6 µs of CPU time per row.

        In blocks, because the driver hands the interpreter's lock over for each statement, and another thread that is
        busy makes each of these hand-overs a wait for both. Bare tuples, because the driver reads a named tuple's
        fields one Python call at a time (2.5 µs a row more).
        """
        if not rows:
            return
        odd = len(rows) % _BLOCK_ROWS
        with self._writing() as connection:
            if odd:
                connection.exec_driver_sql(self._insert_usage, list(map(tuple, rows[:odd])))
            for start in range(odd, len(rows), _BLOCK_ROWS):
                block = tuple(chain.from_iterable(rows[start : start + _BLOCK_ROWS]))
                connection.exec_driver_sql(self._insert_usage_block, block)

    def usage_rows(self, *, limit: int = 100) -> list[UsageRow]:
        """The latest rows, newest first."""
        with self._reading() as connection:
            return [UsageRow(*row) for row in connection.execute(statements.USAGE.limit(limit))]

    # Kept responses

    def keep_response(self, row: KeptResponseRow) -> None:
        with self._writing() as connection:
            kept.insert_row(connection, row)

    def find_response(self, account_id: int, response_id: str, now_ms: int) -> bytes | None:
        """What was sealed; `None` where there is none of this account, or no longer."""
        with self._reading() as connection:
            return kept.find_sealed(connection, account_id, response_id, now_ms)

    def delete_response(self, account_id: int, response_id: str, now_ms: int) -> bool:
        """Was there one of this account?"""
        with self._writing() as connection:
            return kept.delete_row(connection, account_id, response_id, now_ms)

    def shorten_responses(self, ttl_ms: int) -> None:
        """Lets none live longer than so long, whatever was said when it was kept."""
        with self._writing() as connection:
            kept.shorten_rows(connection, ttl_ms)

    def sweep_responses(self, now_ms: int, account_limit_bytes: int, limit_rows: int = 1000) -> int:
        """Deletes what has expired, and the oldest of accounts that keep more than they may; at most so many rows, so
        that others need not wait long. Returns how many. What is due is found without keeping anybody from writing: it
        takes a look at all rows."""
        with self._reading() as connection:
            due = kept.due_ids(connection, now_ms, account_limit_bytes, limit_rows)
        if not due:
            return 0
        with self._writing() as connection:
            return kept.delete_rows(connection, due)

    # The vault

    def keep_state(self, rows: Sequence[tuple[bytes, bytes, int]]) -> None:
        """Rows of key, value and `expires_ms`: all or none. Each takes the place of one with the same key."""
        newest = {key: {"key": key, "value": value, "expires_ms": expires_ms} for key, value, expires_ms in rows}
        if not newest:
            return
        with self._writing() as connection:
            for keys_of_block in _blocks(list(newest)):
                connection.execute(delete(vault).where(vault.c.key.in_(keys_of_block)))
            connection.execute(insert(vault), list(newest.values()))

    def find_state(self, wanted: Sequence[bytes], now_ms: int) -> dict[bytes, tuple[bytes, int]]:
        """By key, the value and `expires_ms` of those that have not expired."""
        found: dict[bytes, tuple[bytes, int]] = {}
        with self._reading() as connection:
            for block in _blocks(wanted):
                query = select(vault.c.key, vault.c.value, vault.c.expires_ms)
                query = query.where(vault.c.key.in_(block), vault.c.expires_ms > now_ms)
                found |= {row.key: (row.value, row.expires_ms) for row in connection.execute(query)}
        return found

    def tidy_state(self, now_ms: int, most_rows: int) -> None:
        """Removes rows that have expired, and the oldest ones beyond so many; a bounded number of both at a time."""
        with self._writing() as connection:
            excess = connection.execute(select(func.count()).select_from(vault)).scalar_one() - most_rows
            oldest = select(vault.c.key).order_by(vault.c.expires_ms)
            if excess > 0:
                connection.execute(delete(vault).where(vault.c.key.in_(oldest.limit(min(excess, _TIDY_ROWS)))))
            expired = oldest.where(vault.c.expires_ms <= now_ms).limit(_TIDY_ROWS)
            connection.execute(delete(vault).where(vault.c.key.in_(expired)))

    # How

    def _change_key(self, key_id: int, values: Mapping[str, object]) -> KeyRow:
        change = update(keys).where(keys.c.id == key_id, keys.c.deleted_ms.is_(None)).values(values)
        with self._writing() as connection:
            if not connection.execute(change).rowcount:
                raise StoreError(f"There is no key {key_id}; `torouter key list` shows the keys.", kind="not_found")
            _raise_revision(connection)
            return _key(connection, key_id)

    def _reading(self) -> AbstractContextManager[Connection]:
        return self._connected(self._reader)

    def _writing(self) -> AbstractContextManager[Connection]:
        return self._connected(self._writer)

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        joined: Connection | None = getattr(self._joined, "connection", None)
        if joined is not None:
            yield joined
            return
        with faults_of(self.path), engine.begin() as connection:
            yield connection


def _blocks(wanted: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (wanted[start : start + _BLOCK_KEYS] for start in range(0, len(wanted), _BLOCK_KEYS))


def _raise_revision(connection: Connection) -> None:
    connection.execute(update(revision).values(value=revision.c.value + 1))


def _group_id(connection: Connection, name: str) -> int:
    found = connection.execute(select(groups.c.id).where(groups.c.name == name)).scalar_one_or_none()
    if found is None:
        names = ", ".join(connection.execute(select(groups.c.name).order_by(groups.c.id)).scalars())
        raise StoreError(f"There is no group named {name}; the groups are: {names}.", kind="not_found")
    return int(found)


def _key(connection: Connection, key_id: int) -> KeyRow:
    return statements.to_key(connection.execute(statements.KEYS.where(keys.c.id == key_id)).one())


@contextmanager
def _conflict(sentence: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise StoreError(sentence, kind="conflict") from error
