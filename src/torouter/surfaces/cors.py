"""Cross-origin access for clients that run in a browser. Keys travel in headers, never in cookies, so no origin is
trusted more than another; an operator may still name the origins that are let in."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Cors"]

_EXPOSED = b"x-request-id, request-id, retry-after, x-torouter-losses, x-torouter-token-count"
_METHODS = b"GET, POST, DELETE, HEAD, OPTIONS"


class Cors:
    """`origins` holds `*` or the allowed origins, as a browser sends them."""

    __slots__ = ("_is_open", "_origins")

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origin.encode("ascii") for origin in origins)
        self._is_open = b"*" in self._origins

    def block(self, origin: bytes) -> bytes:
        """Header lines for an answer to a request that carries `origin`; none for an origin that is not let in."""
        if self._is_open:
            return b"access-control-allow-origin: *\r\naccess-control-expose-headers: %b\r\n" % _EXPOSED
        if origin not in self._origins:
            return b"vary: origin\r\n"
        return b"access-control-allow-origin: %b\r\naccess-control-expose-headers: %b\r\nvary: origin\r\n" % (
            origin,
            _EXPOSED,
        )

    def preflight_block(self, origin: bytes, asked_headers: bytes) -> bytes:
        """Header lines for the answer to `OPTIONS`. Any header may be sent: what does not pass is dropped anyway."""
        block = self.block(origin)
        if b"access-control-allow-origin" not in block:
            return block
        allowed = asked_headers if asked_headers.isascii() else b"*"
        return block + (
            b"access-control-allow-methods: %b\r\naccess-control-allow-headers: %b\r\naccess-control-max-age: 86400\r\n"
            % (_METHODS, allowed or b"*")
        )
