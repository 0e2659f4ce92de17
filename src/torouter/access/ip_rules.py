"""From where a key may be used: CIDRs that let in, CIDRs that keep out.

| allowed | denied | result |
|---|---|---|
| none | none | any address |
| some | none | only those that are allowed |
| none | some | all but those that are denied |
| some | some | those that are allowed and not denied |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from torouter.errors import ConfigError

__all__ = ["Address", "Addresses", "IpRules", "address_of", "canonical_cidr", "rules_of"]

Address = IPv4Address | IPv6Address
_MAPPED_BITS: Final = 96


def address_of(text: str) -> Address | None:
    """`None` for what is none. An IPv4 address within IPv6 (`::ffff:192.0.2.1`) is the IPv4 address; a zone
    (`fe80::1%eth0`) is left out."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def canonical_cidr(text: str) -> str:
    """`192.0.2.7` is `192.0.2.7/32`. Raises `ConfigError` for what is no CIDR, or has bits set behind its prefix."""
    return str(_network(text))


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text.strip())
    except ValueError as error:
        raise ConfigError(f"expected an address or a CIDR such as 192.0.2.0/24 or 2001:db8::/32: {error}") from None
    if isinstance(network, IPv6Network):
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen >= _MAPPED_BITS:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network


class Addresses:
    """A set of CIDRs."""

    __slots__ = ("_v4", "_v6")

    def __init__(self, cidrs: Iterable[str]) -> None:
        networks = [_network(cidr) for cidr in cidrs]
        self._v4 = _masks(network for network in networks if isinstance(network, IPv4Network))
        self._v6 = _masks(network for network in networks if isinstance(network, IPv6Network))

    def __bool__(self) -> bool:
        return bool(self._v4 or self._v6)

    def __contains__(self, address: Address) -> bool:
        number = int(address)
        masks = self._v4 if address.version == 4 else self._v6
        return any(number & mask == base for base, mask in masks)


def _masks(networks: Iterable[IPv4Network | IPv6Network]) -> tuple[tuple[int, int], ...]:
    return tuple((int(network.network_address), int(network.netmask)) for network in networks)


class IpRules:
    """Verdicts are remembered: a client asks from the same address again and again."""

    __slots__ = ("admits",)

    def __init__(self, allowed: Sequence[str], denied: Sequence[str]) -> None:
        inside, outside = Addresses(allowed), Addresses(denied)

        @lru_cache(maxsize=256)
        def admits(text: str) -> bool:
            address = address_of(text)
            if address is None:
                return False
            return (not inside or address in inside) and address not in outside

        self.admits = admits


@lru_cache(maxsize=4096)
def rules_of(allowed: tuple[str, ...], denied: tuple[str, ...]) -> IpRules | None:
    """`None` where there are none. One object for all keys that have the same."""
    return IpRules(allowed, denied) if allowed or denied else None
