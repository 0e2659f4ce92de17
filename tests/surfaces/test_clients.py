"""Whose address is judged: every kind of peer, proxy and header."""

from __future__ import annotations

from typing import Any, cast

import pytest

from torouter.access.client import Client
from torouter.surfaces.clients import Clients
from torouter.wire.exchange import Exchange
from torouter.wire.head import Head

PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48")
PROXY, CLIENT, OTHER = "10.0.0.1", "203.0.113.7", "198.51.100.9"


class _Connection:
    def __init__(self, address: str, is_secure: bool) -> None:
        self.client_address = address
        self.is_secure = is_secure


def exchange(peer: str, *headers: tuple[str, str], is_secure: bool = False) -> Exchange:
    fields = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    head = Head(b"POST", b"/", b"", fields, True)
    return Exchange(cast(Any, _Connection(peer, is_secure)), head, b"", b"req_1", 0.0)


def xff(value: str) -> tuple[str, str]:
    return ("x-forwarded-for", value)


def forwarded(value: str) -> tuple[str, str]:
    return ("forwarded", value)


def test_without_proxies_no_header_counts() -> None:
    assert Clients().of(exchange(CLIENT, xff(OTHER), forwarded(f"for={OTHER}"))) == Client(CLIENT)
    assert Clients().of(exchange("::ffff:203.0.113.7")) == Client(CLIENT)
    assert Clients().of(exchange("2001:0db8::0001")) == Client("2001:db8::1")
    assert not Clients().of(exchange("")).is_certain


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), Client(PROXY)),
        ((xff(CLIENT),), Client(CLIENT)),
        ((xff(f"{OTHER}, {CLIENT}"),), Client(CLIENT)),
        ((xff(f"{CLIENT},10.0.0.2, 10.9.9.9"),), Client(CLIENT)),
        ((xff(f"{OTHER}, {CLIENT}, 10.0.0.2"),), Client(CLIENT)),
        ((xff(OTHER), xff(CLIENT)), Client(CLIENT)),
        ((xff(f"garbage, <script>, {CLIENT}"),), Client(CLIENT)),
        ((xff("10.0.0.3, 10.0.0.2"),), Client("10.0.0.3")),
        ((xff("2001:db8::7"),), Client("2001:db8::7")),
        ((xff("[2001:db8::7]:4711"),), Client("2001:db8::7")),
        ((xff(f"{CLIENT}:4711"),), Client(CLIENT)),
        ((xff("::ffff:203.0.113.7"),), Client(CLIENT)),
        ((xff("2001:db8::7, 2001:db8:ffff::1"),), Client("2001:db8::7")),
        ((forwarded(f"for={CLIENT}"),), Client(CLIENT)),
        ((forwarded(f'for={OTHER}, For="{CLIENT}:80";proto=https;by=10.0.0.1'),), Client(CLIENT)),
        ((forwarded('for="[2001:db8::7]:4711"; host=h'),), Client("2001:db8::7")),
        ((forwarded(f'for="_hidden, for={CLIENT}'),), Client(CLIENT)),
        ((xff(CLIENT), forwarded(f"for={CLIENT}")), Client(CLIENT)),
    ],
)
def test_what_a_trusted_proxy_says(headers: tuple[tuple[str, str], ...], expected: Client) -> None:
    assert Clients(PROXIES).of(exchange(PROXY, *headers)) == expected
    assert Clients(PROXIES).of(exchange(f"::ffff:{PROXY}", *headers)) == expected


@pytest.mark.parametrize(
    "headers",
    [
        (xff("unknown"),),
        (xff(""),),
        (xff(f"{CLIENT},"),),
        (xff("203.0.113"),),
        (xff("203.0.113.007"),),
        (xff(f"{CLIENT} {OTHER}"),),
        (xff(f"[{CLIENT}"),),
        (xff(f"{CLIENT}, unknown, 10.0.0.2"),),
        (forwarded("for=_hidden"),),
        (forwarded("for=unknown"),),
        (forwarded("proto=https"),),
        (forwarded(f"for={CLIENT};for={OTHER}"),),
        (forwarded("for=2001:db8::7;;"),),
        (forwarded(CLIENT),),
        (xff(CLIENT), forwarded(f"for={OTHER}")),
        (xff(CLIENT), forwarded("for=unknown")),
    ],
)
def test_what_nobody_can_tell_is_the_proxy_and_not_certain(headers: tuple[tuple[str, str], ...]) -> None:
    assert Clients(PROXIES).of(exchange(PROXY, *headers)) == Client(PROXY, False)


def test_a_stranger_is_not_believed() -> None:
    assert Clients(PROXIES).of(exchange(OTHER, xff(CLIENT), forwarded(f"for={CLIENT}"))) == Client(OTHER)


def test_tls_at_a_trusted_proxy() -> None:
    clients, proto = Clients(PROXIES), ("x-forwarded-proto", "https")
    assert clients.is_secure(exchange(PROXY, proto))
    assert not clients.is_secure(exchange(PROXY, ("x-forwarded-proto", "https, http")))
    assert not clients.is_secure(exchange(PROXY))
    assert not clients.is_secure(exchange(OTHER, proto))
    assert clients.is_secure(exchange(OTHER, is_secure=True))
