"""A connection to Redis or Valkey: RESP2, pipelined. Commands of one turn of the loop leave in one write.

hiredis frames commands and replies; it is an extra (`torouter[redis]`), imported when the first connection is opened.
A connection that is lost is not opened again: who needs another one opens it, and knows that he did.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Self, cast
from urllib.parse import parse_qs, unquote, urlsplit

from torouter.errors import ConfigError, StoreError
from torouter.units import Secret
from torouter.wire.tls import client_context

__all__ = ["Address", "Redis", "Reply"]

Reply = Any
"""What a command answered: `int`, `bytes`, `None`, or a list of these."""

_PORT: Final = 6379
_LAST_LOOK_S: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server listens: at `path` (a unix socket) if that is set, else at `host` and `port`."""

    host: str = ""
    port: int = _PORT
    path: str = ""
    db: int = 0
    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    is_tls: bool = False

    @classmethod
    def parse(cls, url: str) -> Self:
        """`redis://[user:password@]host[:port][/db]`, `rediss://…` (TLS), `unix://[user:password@]/path[?db=n]`.
        Raises `ConfigError`, which repeats nothing of the URL: there may be a password in it."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORT
            is_unix = parts.scheme == "unix"
            db = parse_qs(parts.query).get("db", ["0"])[0] if is_unix else parts.path.strip("/") or "0"
            number = int(db)
        except ValueError:
            raise ConfigError("the address of Redis is no valid URL: expected redis://host:port/db") from None
        if parts.scheme not in ("redis", "rediss", "unix") or not (parts.path if is_unix else parts.hostname):
            raise ConfigError("the address of Redis has to be redis://host:port/db, rediss://… or unix:///path")
        return cls(
            host=parts.hostname or "",
            port=port,
            path=unquote(parts.path) if is_unix else "",
            db=number,
            user=unquote(parts.username or ""),
            password=Secret(unquote(parts.password or "")),
            is_tls=parts.scheme == "rediss",
        )

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"


class Redis(asyncio.Protocol):
    """One connection. Every command has `reply_s` seconds; the first that is late ends the connection, and with it all
    that wait: what became of their commands is not known then. `on_lost` is told when an open connection has ended,
    unless `close` ended it."""

    def __init__(self, address: Address, *, reply_s: float, on_lost: Callable[[StoreError], None]) -> None:
        library = _hiredis()
        self._address = address
        self._reply_s = reply_s
        self._on_lost = on_lost
        self._is_open = False
        self._pack = library.pack_command
        self._reader = library.Reader(replyError=partial(_refused, address), protocolError=_unreadable)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._outgoing: list[bytes] = []
        self._waiting: deque[tuple[asyncio.Future[Reply] | Callable[[StoreError], None], float]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._late: object = None
        """Whose reply was not there at the first look after its time."""
        self._ended: StoreError | None = None
        self._gone = self._loop.create_future()

    @classmethod
    async def open(
        cls,
        address: Address,
        *,
        connect_s: float = 0.5,
        reply_s: float = 0.5,
        ca_file: str | None = None,
        on_lost: Callable[[StoreError], None] = lambda _: None,
    ) -> Self:
        """Connected and logged in. `ca_file` (PEM) is trusted besides the usual ones, for TLS. Raises `StoreError`;
        needs a task around it."""
        self = cls(address, reply_s=reply_s, on_lost=on_lost)
        try:
            async with asyncio.timeout(connect_s):
                await self._connect(ca_file)
                await self._log_in()
        except (OSError, RuntimeError, UnicodeError) as error:  # uvloop raises RuntimeError where others say OSError
            self.close()
            told = f"no answer within {connect_s:g} s" if isinstance(error, TimeoutError) else _told(error)
            raise StoreError(f"Redis at {address} cannot be reached: {told}") from error
        except BaseException:
            self.close()
            raise
        self._is_open = True
        return self

    async def _connect(self, ca_file: str | None) -> None:
        address = self._address
        if address.path:
            await self._loop.create_unix_connection(lambda: self, address.path)
            return
        context = await self._loop.run_in_executor(None, _context, ca_file) if address.is_tls else None
        await self._loop.create_connection(lambda: self, address.host, address.port, ssl=context)

    async def _log_in(self) -> None:
        address = self._address
        if address.password:
            name = (address.user,) if address.user else ()
            await self.ask("AUTH", *name, address.password.reveal())
        if address.db:
            await self.ask("SELECT", address.db)

    def ask(self, *command: str | bytes | int) -> asyncio.Future[Reply]:
        """The reply to come, or `StoreError`: the server's own (`code` is its first word), or that it is lost."""
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._send(future, command)
        return future

    def tell(self, on_error: Callable[[StoreError], None], *command: str | bytes | int) -> None:
        """Sends a command whose reply is of no interest unless it is an error."""
        self._send(on_error, command)

    def _send(
        self, waiting: asyncio.Future[Reply] | Callable[[StoreError], None], command: tuple[str | bytes | int, ...]
    ) -> None:
        if self._ended is not None:
            _fail(waiting, self._ended)
            return
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(self._pack(command))
        self._waiting.append((waiting, self._loop.time() + self._reply_s))
        if self._watch is None:
            self._watch = self._loop.call_later(self._reply_s, self._look)

    def _flush(self) -> None:
        if self._transport is not None and self._ended is None:
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def _look(self) -> None:
        """Commands are answered in order, so the oldest one is the first to be late. A loop that was busy looks at the
        clock before it reads what came in time, so it looks twice."""
        self._watch = None
        if not self._waiting:
            return
        oldest = self._waiting[0]
        left_s = oldest[1] - self._loop.time()
        if left_s > 0.0:
            self._watch = self._loop.call_later(left_s, self._look)
        elif self._late is not oldest:
            self._late = oldest
            self._watch = self._loop.call_later(_LAST_LOOK_S, self._look)
        else:
            self._end(StoreError(f"Redis at {self._address} did not answer within {self._reply_s:g} s"))

    def close(self) -> None:
        """Ends the connection without telling `on_lost`. What waits for a reply gets `StoreError`."""
        self._is_open = False
        self._end(StoreError(f"the connection to Redis at {self._address} was closed"))

    async def closed(self) -> None:
        """Returns when the socket is gone."""
        if self._transport is not None:
            await asyncio.shield(self._gone)

    def lose(self, error: StoreError) -> None:
        """Ends the connection as if it had been lost."""
        self._end(error)

    def _end(self, error: StoreError) -> None:
        if self._ended is not None:
            return
        self._ended = error
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        waiting = [each for each, _ in self._waiting]
        self._waiting.clear()
        if self._is_open:
            self._on_lost(error)
        for each in waiting:
            _fail(each, error)

    # -- what the transport says ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._ended is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        reader, waiting = self._reader, self._waiting
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not False:
                if waiting:
                    _give(waiting.popleft()[0], reply)
                elif self._ended is None:
                    self._end(StoreError(f"Redis at {self._address} said something that was not asked"))
        except _Unreadable:
            self._end(StoreError(f"what Redis at {self._address} says is not its protocol"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._gone.done():
            self._gone.set_result(None)
        self._end(StoreError(f"the connection to Redis at {self._address} was lost{f': {_told(exc)}' if exc else ''}"))


class _Unreadable(Exception):
    pass


def _unreadable(message: str) -> Exception:
    return _Unreadable(message)


def _refused(address: Address, message: str) -> StoreError:
    return StoreError(f"Redis at {address} refused: {message}", code=message.partition(" ")[0])


def _give(waiting: asyncio.Future[Reply] | Callable[[StoreError], None], reply: Reply) -> None:
    if isinstance(reply, StoreError):
        _fail(waiting, reply)
    elif isinstance(waiting, asyncio.Future) and not waiting.done():
        waiting.set_result(reply)


def _fail(waiting: asyncio.Future[Reply] | Callable[[StoreError], None], error: StoreError) -> None:
    if not isinstance(waiting, asyncio.Future):
        waiting(error)
    elif not waiting.done():
        waiting.set_exception(StoreError(error.message, code=error.code))  # each raises one of its own


def _context(ca_file: str | None) -> ssl.SSLContext:
    """Of a client that verifies, and speaks no HTTP."""
    context = client_context(ca_file)
    context.set_alpn_protocols([])
    return context


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _hiredis() -> Any:
    try:
        import hiredis
    except ImportError:
        raise ConfigError('Redis needs the hiredis package: pip install "torouter[redis]"') from None
    return hiredis
