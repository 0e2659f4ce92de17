"""From fields as people name them to columns as they are kept. What a type cannot say is checked here, and refused with
the name of the field."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

from torouter.errors import RequestError

__all__ = [
    "MOST_LIMIT",
    "MULTIPLIER_PATTERN",
    "email",
    "end_ms",
    "expiry_ms",
    "model_names",
    "multiplier",
    "multiplier_ppm",
    "name",
    "networks",
    "stored_ms",
]

MULTIPLIER_PATTERN: Final = r"^[0-9]{1,4}(\.[0-9]{1,6})?$"
"""A factor, exact to the millionth."""
MOST_LIMIT: Final = 10**12
"""Of requests or tokens."""

_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_MS: Final = 253_370_764_800_000  # the year 9999: what comes later cannot be shown in every zone
_DAY_MS: Final = 24 * 60 * 60 * 1000
_MAPPED_BITS: Final = 96


def name(text: str) -> str:
    return text.strip(" ")


def email(text: str, field: str = "email") -> str:
    """In small letters: two accounts cannot differ by that."""
    if not _EMAIL.fullmatch(text):
        raise RequestError(f"{field}: expected an e-mail address such as ada@example.com.", param=field)
    return text.lower()


def model_names(names: Sequence[str]) -> list[str]:
    """Each once, in the order given."""
    return list(dict.fromkeys(name.strip(" ") for name in names))


def networks(texts: Sequence[str], field: str) -> list[str]:
    """In canonical form, each once: host bits cut, IPv4 in IPv6's clothes as IPv4."""
    return list(dict.fromkeys(_network(text, f"{field}[{index}]") for index, text in enumerate(texts)))


def _network(text: str, field: str) -> str:
    try:
        if "%" in text:
            raise ValueError("an address within one link only")
        found = ip_network(text.strip(" "), strict=False)
    except ValueError as error:
        raise RequestError(
            f"{field}: expected an address or a network such as 203.0.113.0/24 or 2001:db8::/32.", param=field
        ) from error
    return str(_unmapped(found))


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """`::ffff:203.0.113.0/120` is `203.0.113.0/24`: clients over IPv4 are known by their IPv4 address."""
    address = network.network_address
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None and network.prefixlen >= _MAPPED_BITS:
        return IPv4Network((address.ipv4_mapped, network.prefixlen - _MAPPED_BITS))
    return network


def stored_ms(at: datetime) -> int:
    """Milliseconds since the epoch; what lies before it or after the year 9999 is brought within."""
    return max(0, min((at - _EPOCH) // timedelta(milliseconds=1), _MOST_MS))


def end_ms(at: datetime | None) -> int | None:
    """`None`: never."""
    return None if at is None else stored_ms(at)


def expiry_ms(days: int, now_ms: int) -> int | None:
    return None if days == 0 else now_ms + days * _DAY_MS


def multiplier_ppm(text: str) -> int:
    return int(Decimal(text).scaleb(6))


def multiplier(ppm: int) -> str:
    whole, rest = divmod(ppm, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
