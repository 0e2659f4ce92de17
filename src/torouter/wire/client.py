"""The client towards upstreams: an `Upstream` over HTTP/1.1, TLS, keep-alive and forward proxies.

    Client          one request in, the head of its answer out; the one retry of a stale connection
    ├── Pool        idle connections, deadlines
    ├── Dialer      names, addresses, tunnels, TLS
    └── Connection  the protocol on a socket
        └── Answer  what was parsed in, `Response` out

There is no retry but one: a *reused* connection that ends before the first byte of an answer was most likely closed
while it lay idle, so the request is written once more, on a fresh one. Anything else is the relay's to decide.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from torouter.errors import UpstreamError
from torouter.wire.answer import Answer
from torouter.wire.connection import Connection
from torouter.wire.dial import Dialer
from torouter.wire.faults import Fault
from torouter.wire.pool import Pool
from torouter.wire.proxy import Proxies
from torouter.wire.upstream import Request, Response

__all__ = ["Client", "ClientStats"]


@dataclass(frozen=True, slots=True)
class ClientStats:
    """Connections now: all that are open, and those of them that wait for a request."""

    open: int
    idle: int


class Client:
    """`ssl_context` as `tls.client_context` makes it (`None`: the default one, made at the first https request);
    `proxies` in the form of `urllib.request.getproxies` (`None`: those of the environment, `{}`: none), never for
    loopback hosts unless `proxy_loopback`. `may_reach` decides which IP addresses may be connected to (`None`: all);
    names are looked up in `name_threads` (`None`: the loop's). Belongs to the event loop that first uses it."""

    __slots__ = ("_dialer", "_pool")

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxies: Mapping[str, str] | None = None,
        proxy_loopback: bool = False,
        may_reach: Callable[[str], bool] | None = None,
        name_threads: Executor | None = None,
        max_idle_per_origin: int = 512,
        idle_connection_s: float = 55.0,
        sweep_s: float = 0.5,
    ) -> None:
        self._dialer = Dialer(Proxies(proxies, with_loopback=proxy_loopback), ssl_context, may_reach, name_threads)
        self._pool = Pool(max_idle_per_origin, idle_connection_s, sweep_s)

    @property
    def stats(self) -> ClientStats:
        return ClientStats(open=self._pool.open_count, idle=self._pool.idle_count)

    async def send(self, request: Request) -> Response:
        connection = self._pool.take(request.origin)
        is_reused = connection is not None
        while True:
            if connection is None:
                connection = await self._connect(request)
            answer = connection.ask(request)
            try:
                await answer.news
            except BaseException:  # cancelled
                answer.close()
                raise
            if answer.status:  # a body that is broken already is told by `read` and `pipe`
                return answer
            if not (is_reused and answer.is_lost and not connection.reads):
                raise _head_error(connection, answer)
            answer.close()
            connection, is_reused = None, False

    async def close(self) -> None:
        """Drops every connection, also those in use, and waits until they are gone."""
        await self._pool.close()

    async def _connect(self, request: Request) -> Connection:
        """A fresh connection, opened in a task of its own: `asyncio.timeout` needs one, and whoever asks may be none
        (`wire.drive`). If the caller is cancelled, the task may have ended well already: nobody waits for that one."""
        opening = asyncio.create_task(self._open(request))
        try:
            return await opening
        except BaseException:
            opening.cancel()
            opening.add_done_callback(_drop)
            raise

    async def _open(self, request: Request) -> Connection:
        connection = Connection(self._pool, request.origin)
        if not self._pool.is_closed:
            await self._dialer.open(connection, request.deadlines.connect_s)
        if self._pool.is_closed:
            connection.abort()
            raise Fault("the client was closed").error(request.origin.host, "connect")
        return connection


def _drop(opening: asyncio.Task[Connection]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().abort()


def _head_error(connection: Connection, answer: Answer) -> UpstreamError:
    error = answer.error("send" if connection.is_sending else "head")
    answer.close()
    return error
