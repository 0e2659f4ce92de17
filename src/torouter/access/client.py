"""Who a request comes from, as far as the network can tell."""

from __future__ import annotations

import msgspec

__all__ = ["NOWHERE", "Client"]


class Client(msgspec.Struct, frozen=True, gc=False):
    """`address` is an IP address in its shortest form. `is_certain`: it is the peer's own, or one that a trusted proxy
    vouches for."""

    address: str
    is_certain: bool = True


NOWHERE = Client("", False)
