"""Forward proxies: which one an origin goes through, and how to speak to it. Only `http://` proxies are spoken to.

An `https` origin is reached through a CONNECT tunnel; an `http` origin by sending the proxy an absolute target.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib import request as urllib_request
from urllib.parse import SplitResult, unquote, urlsplit

from torouter.units import Secret
from torouter.wire.faults import Fault
from torouter.wire.upstream import Origin, Request

__all__ = ["Proxies", "Proxy", "absolute_head", "open_tunnel"]

_TUNNEL_HEAD_BYTES: Final = 16 * 1024
"""How much of an answer to CONNECT is read before it is called broken."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """`authorization` is the value of `proxy-authorization`, or `None`."""

    host: str
    port: int
    authorization: Secret | None = field(default=None)


class Proxies:
    """The proxy variables, read once, and their verdict per origin, formed once.

    `settings` has the form of `urllib.request.getproxies`: scheme → URL, `all` for any scheme, `no` for the list of
    exceptions; `None` reads the environment (both cases, lower wins). Loopback hosts go direct unless
    `with_loopback`: a local model server is not the proxy's business.
    """

    __slots__ = ("_of", "_settings", "_with_loopback")

    def __init__(self, settings: Mapping[str, str] | None = None, *, with_loopback: bool = False) -> None:
        self._settings = dict(urllib_request.getproxies_environment() if settings is None else settings)
        self._with_loopback = with_loopback
        self._of: dict[Origin, Proxy | None] = {}

    def of(self, origin: Origin) -> Proxy | None:
        """The proxy towards an origin; raises `UpstreamError` (phase `connect`) for one that we cannot speak to."""
        if origin not in self._of:
            self._of[origin] = self._choose(origin)
        return self._of[origin]

    def _choose(self, origin: Origin) -> Proxy | None:
        url = self._settings.get(origin.scheme) or self._settings.get("all")
        if not url or self._is_exempt(origin):
            return None
        return _parse(url, origin)

    def _is_exempt(self, origin: Origin) -> bool:
        if _is_loopback(origin.host) and not self._with_loopback:
            return True
        host = f"{origin.host}:{origin.port}"
        return bool(urllib_request.proxy_bypass_environment(host, self._settings))  # type: ignore[attr-defined]


def absolute_head(request: Request, proxy: Proxy) -> bytes:
    """The request's head as a forward proxy wants it: the whole URL as target, and our credentials for the proxy."""
    method, target, rest = request.head.split(b" ", 2)
    head = b"%b http://%b%b %b" % (method, _authority(request.origin), target, rest)
    return head + _authorization_line(proxy)


async def open_tunnel(sock: socket.socket, origin: Origin, proxy: Proxy) -> Fault | None:
    """Asks the proxy on `sock` (connected, non-blocking) for a tunnel; returns what it refused with, if it did.

    The bare socket is used, before any transport: a transport would have to be taken apart again for TLS. The peer
    cannot speak before our ClientHello, so anything behind the proxy's head is a fault.
    """
    loop = asyncio.get_running_loop()
    authority = _authority(origin)
    ask = b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (authority, authority, _authorization_line(proxy))
    await loop.sock_sendall(sock, ask)
    head = b""
    while b"\r\n\r\n" not in head:
        piece = await loop.sock_recv(sock, 4096)
        if not piece or len(head) > _TUNNEL_HEAD_BYTES:
            return Fault(f"the proxy {proxy.host} gave no valid answer to CONNECT")
        head += piece
    return _tunnel_fault(head, proxy)


def _tunnel_fault(head: bytes, proxy: Proxy) -> Fault | None:
    version, _, rest = head.partition(b" ")
    status = rest[:3]
    if not version.startswith(b"HTTP/1.") or not status.isdigit() or not head.endswith(b"\r\n\r\n"):
        return Fault(f"the proxy {proxy.host} gave no valid answer to CONNECT")
    if not status.startswith(b"2"):
        return Fault(f"the proxy {proxy.host} refused the tunnel with status {status.decode()}")
    return None


def _parse(url: str, origin: Origin) -> Proxy:
    """`url` may lack its scheme, as curl allows. Its text never appears in an error: it may hold a password."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError:
        raise Fault("the URL of its proxy is not valid").error(origin.host, "connect") from None
    if parts.scheme != "http":
        what = f"its proxy is an {parts.scheme}:// one; only http:// proxies are supported"
        raise Fault(what).error(origin.host, "connect")
    if not parts.hostname:
        raise Fault("the URL of its proxy names no host").error(origin.host, "connect")
    return Proxy(parts.hostname, port or 80, _basic(parts))


def _basic(parts: SplitResult) -> Secret | None:
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Secret("Basic " + b64encode(pair.encode()).decode())


def _authorization_line(proxy: Proxy) -> bytes:
    if proxy.authorization is None:
        return b""
    return b"proxy-authorization: %b\r\n" % proxy.authorization.reveal().encode()


def _authority(origin: Origin) -> bytes:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return f"{host}:{origin.port}".encode("idna" if not host.isascii() else "ascii")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
