"""Which address a request comes from: the peer's, or what trusted proxies say.

A proxy adds the address that it was asked from to the right end of `X-Forwarded-For` (or `Forwarded`, RFC 7239), so the
list is read from that end, and the first address that is no trusted proxy's is the client's. What stands left of it
anybody may have written. Where the two headers disagree, or what a proxy wrote is no address, nobody can tell: then it
is the proxy's own address, and not certain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from torouter.access.client import Client
from torouter.access.ip_rules import Addresses, address_of
from torouter.wire.exchange import Exchange

__all__ = ["Clients"]

_WITH_PORT: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|(\d+\.\d+\.\d+\.\d+):\d{1,5}")
_PAIR: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:\"([^\"\\]*)\"|([!#$%&'*+.^_`|~0-9A-Za-z:-]+))")


class Clients:
    """`trusted` are the CIDRs of proxies. Without any, no header is looked at."""

    __slots__ = ("_trusted",)

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = Addresses(trusted)

    def of(self, exchange: Exchange) -> Client:
        peer = exchange.client_address
        address = address_of(peer)
        if address is None:
            return Client(peer, False)
        client = Client(str(address))
        return self._forwarded(exchange, client) if address in self._trusted else client

    def is_proxied(self, exchange: Exchange) -> bool:
        """Is the peer a trusted proxy?"""
        address = address_of(exchange.client_address)
        return address is not None and address in self._trusted

    def is_secure(self, exchange: Exchange) -> bool:
        """Does the client speak TLS, with us or with the trusted proxy that is asked directly?"""
        said = exchange.fields.get(b"x-forwarded-proto")
        if said is not None and self.is_proxied(exchange):
            return said.rpartition(b",")[2].strip().lower() == b"https"
        return exchange.is_secure

    def _forwarded(self, exchange: Exchange, proxy: Client) -> Client:
        chains = (_chain(exchange, b"x-forwarded-for", _bare), _chain(exchange, b"forwarded", _for))
        found = {self._client_in(chain) for chain in chains if chain}
        if not found:
            return proxy
        address = found.pop()
        return Client(proxy.address, False) if found or address is None else Client(address)

    def _client_in(self, chain: list[str | None]) -> str | None:
        """`None` where the list cannot be followed to somebody who is not trusted, or to its end."""
        shown = None
        for text in reversed(chain):
            address = None if text is None else address_of(text)
            if address is None:
                return None
            shown = str(address)
            if address not in self._trusted:
                break
        return shown


def _chain(exchange: Exchange, name: bytes, read: Callable[[str], str | None]) -> list[str | None]:
    """Of all lines of a header, in order; `None` for an element that names no address."""
    return [read(element) for element in _elements(exchange, name)]


def _elements(exchange: Exchange, name: bytes) -> Iterator[str]:
    if name in exchange.fields:
        for key, value in exchange.headers:
            if key == name:
                yield from value.decode("latin-1").split(",")


def _bare(element: str) -> str | None:
    """`192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`."""
    text = element.strip(" \t")
    match = _WITH_PORT.fullmatch(text)
    return text if match is None else match[1] or match[2]


def _for(element: str) -> str | None:
    """The `for` of an element of `Forwarded`."""
    found = None
    for part in element.split(";"):
        pair = _PAIR.fullmatch(part.strip(" \t"))
        if pair is None:
            return None
        if pair[1].lower() == "for":
            if found is not None:
                return None
            found = pair[2] if pair[3] is None else pair[3]
    return None if found is None else _bare(found)
