"""What a surface makes of a request's head: all of a call but for what its body says.

A client repeats its head from request to request (`wire.head`), and then this holds again as it is: where the path
leads, whose key it is, the fields that go upstream and those that go back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torouter.access.client import Client
from torouter.codecs import Codec, Framing
from torouter.relay.call import Call
from torouter.routing.fallbacks import Fallbacks
from torouter.units import Operation

__all__ = ["Reading"]

_MOST_PEERS = 1000


@dataclass(slots=True, kw_only=True, eq=False)  # not frozen: that makes it four times as dear to make
class Reading:
    """Never changed once made. `key_hash` is `None` where no key was sent. `model` and `framing` are given where the
    path says them (Gemini); else the body does. `fallbacks` are those that the request names itself. `is_watched`: its
    answer is to be the wire view."""

    codec: Codec
    operation: Operation
    key_hash: bytes | None
    content_type: bytes
    answer_headers: bytes
    is_strict: bool = False
    is_watched: bool = False
    fallbacks: Fallbacks | None = None
    model: str | None = None
    verb: str = ""
    framing: Framing | None = None
    query: bytes = b""
    clients: dict[str, Client] = field(default_factory=dict)
    """By the peer's address: who it is that sends this head."""
    _calls: dict[Framing, Call] = field(default_factory=dict)

    def remember(self, peer: str, client: Client) -> None:
        """Thousands of peers may send the same head, so what is remembered of them has an end."""
        if len(self.clients) >= _MOST_PEERS:
            self.clients.clear()
        self.clients[peer] = client

    def call(self, framing: Framing) -> Call:
        """One object for all the requests with this head that want their answer in the same way."""
        call = self._calls.get(framing)
        if call is None:
            call = self._calls[framing] = Call(
                codec=self.codec,
                operation=self.operation,
                framing=framing,
                content_type=self.content_type,
                verb=self.verb,
                query=self.query,
                answer_headers=self.answer_headers,
                is_strict=self.is_strict,
            )
        return call
