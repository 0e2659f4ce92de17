"""A store on a PostgreSQL server. Its driver is written in Python and installed on request: `torouter[postgres]`."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine.url import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from torouter.errors import ConfigError, StoreError
from torouter.store.engine import sqlstate
from torouter.units import Secret

__all__ = ["PostgresqlHome"]

_DRIVER: Final = "pg8000"
_PORT: Final = 5432
_EXAMPLE: Final = "postgresql://user:password@host:5432/database"

_CONNECT_S: Final = 5.0
_WAIT_S: Final = 10
_STATEMENT_S: Final = 60
_SILENCE_S: Final = _STATEMENT_S + 10.0
"""How long an answer may take. The server ends statements before, and a server that is gone says nothing."""

# `torouter` as a number, and the next one: advisory locks.
_MIGRATION_LOCK: Final = 0x746F726F75746572
_CHANGE_LOCK: Final = _MIGRATION_LOCK + 1

_STARTUP: Final = {
    "statement_timeout": str(_STATEMENT_S * 1000),
    "lock_timeout": str(_WAIT_S * 1000),
    "idle_in_transaction_session_timeout": str(_STATEMENT_S * 1000),
}

# Classes of SQLSTATE, and single ones.
_GOES_AWAY: Final = ("57P", "08")
_PASSING: Final = ("40001", "40P01", "55P03")


class PostgresqlHome:
    is_there = True

    def __init__(self, database: Secret) -> None:
        url = self._url = _read_url(database)
        self.place = URL.create("postgresql", url.username, None, url.host, url.port, url.database).render_as_string()
        self.reader = _make_engine(url, self.place)
        self.writer = self.reader

    def prepare(self) -> None:
        """A database is made by whoever looks after the server."""

    @contextmanager
    def only_one(self) -> Iterator[Connection]:
        """Without limits of time: it may take long over a large store, and others wait."""
        engine = _make_engine(self._url, self.place, is_patient=True)
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
                yield connection
        finally:
            engine.dispose()

    def keep_apart(self, connection: Connection, *, is_change: bool) -> None:
        lock = "pg_advisory_xact_lock" if is_change else "pg_advisory_xact_lock_shared"
        connection.exec_driver_sql(f"SELECT {lock}({_CHANGE_LOCK})")

    def begin_view(self, connection: Connection) -> None:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))

    def fault(self, error: Exception) -> StoreError | None:
        if isinstance(error, PoolTimeout):
            return StoreError(f"The store {self.place} is busy: no connection was free for {_WAIT_S} s.")
        if isinstance(error, OSError):  # the driver lets those of its socket pass, while it reads
            return StoreError(f"The store {self.place} {_unreachable(error)}")
        if not isinstance(error, DBAPIError):
            return None
        return StoreError(f"The store {self.place} {_advice(error)}")

    def is_passing(self, error: DBAPIError) -> bool:
        return sqlstate(error) in _PASSING


def _read_url(database: Secret) -> URL:
    try:
        url = make_url(database.reveal().strip())
    except ArgumentError:
        raise ConfigError(f"The database's address is not a URL. An example: {_EXAMPLE}") from None
    except ValueError:  # the port
        raise ConfigError(f"The database's port is not a number. An example: {_EXAMPLE}") from None
    if url.drivername not in {"postgres", "postgresql", "postgresql+pg8000"}:
        raise ConfigError(f"The database's address begins with {url.drivername}://, expected: {_EXAMPLE}")
    if find_spec(_DRIVER) is None:
        raise ConfigError('A store on PostgreSQL needs its driver: pip install "torouter[postgres]".')
    if not url.username or not url.database:
        raise ConfigError(f"The database's address names no user or no database, expected: {_EXAMPLE}")
    return url.set(drivername="postgresql+pg8000")


def _make_engine(url: URL, place: str, *, is_patient: bool = False) -> Engine:
    import pg8000

    options = _options(url.query)
    engine = create_engine(
        url.set(query={}), pool_size=4, max_overflow=4, pool_timeout=_WAIT_S, pool_pre_ping=True, hide_parameters=True
    )
    directory = options.pop("host", "")

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _record: object, _arguments: object, values: dict[str, Any]) -> object:
        try:
            opened = _open_socket(directory, values.get("host") or "localhost", values.get("port") or _PORT)
        except OSError as error:
            raise StoreError(f"The store {place} {_unreachable(error)}") from error
        try:
            opened.settimeout(None if is_patient else _SILENCE_S)
            startup = None if is_patient else _STARTUP
            return pg8000.Connection(**values | options | {"sock": opened, "startup_params": startup})
        except ssl.SSLError as error:
            opened.close()
            raise StoreError(f"The store {place} cannot be reached safely: {error.reason or error}.") from error
        except OSError as error:
            opened.close()
            raise StoreError(f"The store {place} {_unreachable(error)}") from error
        except BaseException:
            opened.close()
            raise

    @event.listens_for(engine, "handle_error")
    def _notice(context: Any) -> None:
        """A server that ends says so in words, before it is gone."""
        if isinstance(context.sqlalchemy_exception, DBAPIError) and sqlstate(context.sqlalchemy_exception).startswith(
            _GOES_AWAY
        ):
            context.is_disconnect = True

    return engine


def _open_socket(directory: str, host: str, port: int) -> socket.socket:
    """Of a server in the network, or of one on this machine whose socket's directory was given."""
    if directory.startswith("/"):
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened.settimeout(_CONNECT_S)
        opened.connect(f"{directory}/.s.PGSQL.{port}")
    else:
        opened = socket.create_connection((directory or host, port), _CONNECT_S)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return opened


def _options(query: Mapping[str, str | tuple[str, ...]]) -> dict[str, Any]:
    """The driver's, from those of a URL that PostgreSQL's own programs take."""
    given = {name: value if isinstance(value, str) else value[-1] for name, value in query.items()}
    options: dict[str, Any] = {"application_name": given.pop("application_name", "torouter")}
    if "host" in given:
        options["host"] = given.pop("host")
    options["ssl_context"] = _tls(given.pop("sslmode", "prefer"), given.pop("sslrootcert", None))
    given.pop("connect_timeout", None)
    if given:
        raise ConfigError(
            f"The database's address has options that are not known: {', '.join(sorted(given))}. Known are sslmode, "
            "sslrootcert, host, application_name."
        )
    return options


def _tls(mode: str, roots: str | None) -> ssl.SSLContext | bool | None:
    """As the driver wants it: `None` is encrypted if the server can, `False` never."""
    if mode not in {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}:
        raise ConfigError(
            f"The database's address has sslmode={mode}, expected disable, prefer, require or verify-full."
        )
    if mode in {"disable", "allow"}:
        return False
    if mode == "prefer":
        return None
    try:
        context = ssl.create_default_context(cafile=roots)
    except OSError as error:
        raise ConfigError(f"The database's sslrootcert {roots} cannot be read: {error.strerror}.") from error
    context.check_hostname = mode == "verify-full"
    if mode == "require" and roots is None:
        context.verify_mode = ssl.CERT_NONE
    return context


def _unreachable(error: OSError) -> str:
    return f"cannot be reached: {error.strerror or error}. Is the server running, and its address right?"


def _advice(error: DBAPIError) -> str:
    state = sqlstate(error)
    if state.startswith("28"):
        return "refuses the user or the password: check them in its address."
    if state == "3D000":
        return "does not exist: the server has no such database. Make it, with createdb or CREATE DATABASE."
    if state == "42501":
        return f"does not give this user the right: {_words(error)}. The user must own the database."
    if "refuses SSL" in str(error.orig):
        return "refuses encryption, which its address asks for with sslmode."
    if state.startswith(_GOES_AWAY) or not state:
        return "cannot be reached: the connection ended. Is the server running?"
    if state in _PASSING:
        return f"was busy for {_WAIT_S} s: others hold what this waits for. Try again."
    if state == "57014":
        return f"took longer than {_STATEMENT_S} s for a query. Ask for less at a time."
    if state.startswith("53"):
        return f"has run out of something: {_words(error)}."
    return f"cannot be used: {_words(error)}. `torouter db check` tells more."


def _words(error: DBAPIError) -> str:
    facts = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return str(facts.get("M", "")) if isinstance(facts, dict) else str(error.orig)
