"""Which addresses belong to the public Internet. Whatever is not known to be public is not."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

__all__ = ["is_own", "is_public"]

_SPECIAL: Final = (
    IPv4Network("192.0.0.0/24"),  # IETF assignments (RFC 6890); Oracle's clouds keep metadata there
    IPv4Network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
    IPv4Network("168.63.129.16/32"),  # the host beneath a machine at Azure
)
"""Within the public range, or public in the eyes of some versions of `ipaddress`; clouds as of 2026-11."""
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
"""NAT64 (RFC 6052): the last 32 bits are the IPv4 address that is meant."""
_ANY_PORT: Final = 9


def is_public(address: str) -> bool:
    """Of an IP address as `getaddrinfo` gives it. Loopback, private, link-local (where clouds keep their metadata),
    shared, multicast and reserved ones are not, in whatever way IPv6 spells them; nor is a public one of this machine:
    its firewall lets itself in everywhere."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    is_known = _is_public_v4(found) if isinstance(found, IPv4Address) else _is_public_v6(found)
    return is_known and not is_own(address)


def is_own(address: str) -> bool:
    """Does an IP address lead to this machine itself? Then it would be the sender's, too. Nothing is sent: connecting a
    UDP socket only asks the system for its route."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.connect((address, _ANY_PORT))
            sender = asked.getsockname()[0]
    except OSError:  # no route: it leads nowhere
        return False
    return ip_address(sender) == ip_address(address)


def _is_public_v4(address: IPv4Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _SPECIAL)
    )


def _is_public_v6(address: IPv6Address) -> bool:
    """Forms that hold an IPv4 address are what that is: the machine may well send them there."""
    if address.ipv4_mapped is not None:
        return _is_public_v4(address.ipv4_mapped)
    if address in _TRANSLATED:
        return _is_public_v4(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address.sixtofour is not None or address.teredo is not None:
        return False
    return address in _GLOBAL_UNICAST and address.is_global and not address.is_multicast
