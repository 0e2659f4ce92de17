"""Opening a connection: name, addresses, socket, perhaps a tunnel, perhaps TLS. What fails here fails in `connect`.

uvloop has no happy eyeballs, so `aiohappyeyeballs` races the addresses on bare sockets, and the loop gets the winner.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Final

from aiohappyeyeballs import AddrInfoType, start_connection

from torouter.wire.connection import Connection
from torouter.wire.faults import Fault, fault_of
from torouter.wire.proxy import Proxies, Proxy, open_tunnel
from torouter.wire.tls import client_context
from torouter.wire.upstream import Origin

__all__ = ["Dialer"]

_HEAD_START_S: Final = 0.25
"""How long an address is tried alone before the next one joins (RFC 8305, section 8, recommends 250 ms)."""

_KEEPALIVE: Final = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5))
"""A model may think for minutes in silence, and NATs forget silent connections; the vendors' SDKs set the same
(anthropic-sdk-python `_base_client`, seen 2026-11). Systems without an option keep their own default."""


class Dialer:
    """Opens connections: `ssl_context` verifies https origins (`None`: the default one, made when first needed);
    `may_reach` decides which IP addresses may be connected to (`None`: all); names are looked up in `name_threads`
    (`None`: the loop's)."""

    __slots__ = ("_may_reach", "_name_threads", "_proxies", "_ssl_context")

    def __init__(
        self,
        proxies: Proxies,
        ssl_context: ssl.SSLContext | None = None,
        may_reach: Callable[[str], bool] | None = None,
        name_threads: Executor | None = None,
    ) -> None:
        self._proxies = proxies
        self._ssl_context = ssl_context
        self._may_reach = may_reach
        self._name_threads = name_threads

    async def open(self, connection: Connection, connect_s: float) -> None:
        """Connects `connection` to its origin, within `connect_s` seconds. Raises `UpstreamError` (`connect`)."""
        origin = connection.origin
        if origin.scheme not in ("http", "https"):
            raise Fault(f"no sockets lead to {origin.scheme}://").error(origin.host, "connect")
        proxy = self._proxies.of(origin)
        try:
            async with asyncio.timeout(connect_s):
                await self._open(connection, proxy)
        except (OSError, RuntimeError, UnicodeError) as error:  # uvloop raises RuntimeError where others say OSError
            raise fault_of(error).error(origin.host, "connect") from error

    async def _open(self, connection: Connection, proxy: Proxy | None) -> None:
        origin = connection.origin
        is_https = origin.scheme == "https"
        sock = await self._connect(origin if proxy is None else proxy)
        try:
            if proxy is not None and is_https:
                await _tunnel(sock, origin, proxy)
            elif proxy is not None:
                connection.proxy = proxy
            await asyncio.get_running_loop().create_connection(
                lambda: connection,
                sock=sock,
                ssl=self._context() if is_https else None,
                server_hostname=origin.host if is_https else None,
            )
        except BaseException:
            connection.abandon()
            sock.close()
            raise

    async def _connect(self, to: Origin | Proxy) -> socket.socket:
        """To one of the addresses that were looked at, and no other: the name is not resolved again."""
        if self._may_reach is None:
            addresses = await _resolve(to.host, to.port, self._name_threads)
        else:
            addresses = await self._reachable(to, self._may_reach)
        sock = await start_connection(addresses, happy_eyeballs_delay=_HEAD_START_S, interleave=1)
        _set_options(sock)
        return sock

    async def _reachable(self, to: Origin | Proxy, may_reach: Callable[[str], bool]) -> Sequence[AddrInfoType]:
        """A name that does not exist is told like one that leads where nobody may go: which names a private network has
        is not for every caller to find out."""
        try:
            found = await _resolve(to.host, to.port, self._name_threads)
        except socket.gaierror:
            found = ()
        allowed = [each for each in found if may_reach(each[4][0])]
        if not allowed:
            what = "the host name cannot be resolved, or connections to its address are not allowed"
            raise Fault(what).error(to.host, "connect")
        return allowed

    def _context(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = client_context()
        return self._ssl_context


async def _resolve(host: str, port: int, threads: Executor | None) -> Sequence[AddrInfoType]:
    loop = asyncio.get_running_loop()
    try:  # an address needs no resolver, and so no thread
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        if threads is None:
            return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return await loop.run_in_executor(threads, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM))


def _set_options(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


async def _tunnel(sock: socket.socket, origin: Origin, proxy: Proxy) -> None:
    fault = await open_tunnel(sock, origin, proxy)
    if fault is not None:
        raise fault.error(origin.host, "connect")
