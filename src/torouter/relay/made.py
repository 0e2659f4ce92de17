"""An answer that is made here of what was read: one JSON body, given when all of it is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from torouter.canon.usage import Usage
from torouter.errors import UpstreamError
from torouter.relay.call import Call
from torouter.relay.losses import losses_block
from torouter.units import Outcome
from torouter.wire.exchange import Exchange

__all__ = ["MadeAnswer"]

_JSON: Final = b"content-type: application/json\r\n"


class MadeAnswer(ABC):
    """A `Delivery` but for what it says."""

    __slots__ = ("_call", "_clock", "_exchange", "claim", "failure", "first_byte_s", "losses", "outcome")

    def __init__(
        self, exchange: Exchange, call: Call, clock: Callable[[], float], losses: tuple[str, ...] = ()
    ) -> None:
        self._exchange = exchange
        self._call = call
        self._clock = clock
        self.claim: Callable[[], None] | None = None
        self.failure: UpstreamError | None = None
        self.losses = losses
        self.outcome: Outcome = "ok"
        self.first_byte_s: float | None = None

    @abstractmethod
    async def make(self) -> bytes:
        """The body. Raises `UpstreamError`."""

    @abstractmethod
    def usage(self) -> Usage: ...

    def said_tokens(self) -> int:
        """Vectors and counts are no tokens."""
        return 0

    def deliver_whole(self, body: bytes) -> bool:
        return False

    async def deliver(self) -> None:
        body = await self.make()
        self.first_byte_s = self._clock()
        if self.claim is not None:
            self.claim()
        headers = _JSON + losses_block(self.losses) + self._call.headers_for(self._exchange.request_id)
        self._exchange.respond(200, headers, body)
