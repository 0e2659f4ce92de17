"""What the relay knows of an answer while it is on its way: the same few facts for both paths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from torouter.canon.usage import Usage
from torouter.errors import UpstreamError
from torouter.units import Outcome

__all__ = ["AttemptOutcome", "Delivery"]

AttemptOutcome = Literal[
    "ok", "client_left", "truncated", "fault", "connect", "timeout", "rate_limited", "upstream_error", "lost"
]
"""How an attempt ended: the first four as a request does; no connection was to be had; nothing came in time; the
channel is at its limit; any other error of the upstream. An answer that was read to its end without the client is
`ok`, though its request is `client_left`."""


class Delivery(Protocol):
    """One upstream answer on its way to the client.

    Both methods raise `UpstreamError` only while nothing has been given to the client; after that the answer is ended
    in the dialect's own error form, and `outcome` and `failure` say so.
    """

    claim: Callable[[], None] | None
    """Called once, just before the first thing is given to the client. What it raises is raised here, and nothing has
    been given then: another answer was faster."""
    outcome: Outcome
    failure: UpstreamError | None
    """What broke the answer after it had begun."""
    first_byte_s: float | None
    """Monotonic, when the answer first said something: text, reasoning, a call, its end."""

    def deliver_whole(self, body: bytes, /) -> bool:
        """The fast path of an answer that has come with its head: nothing is awaited. False: `deliver` it instead."""
        ...

    async def deliver(self) -> None: ...

    def usage(self) -> Usage:
        """What the upstream has told of it so far."""
        ...

    def said_tokens(self) -> int:
        """About how many tokens of the answer have come so far, for an upstream that does not tell. Asked once, in the
        end."""
        ...

    @property
    def losses(self) -> tuple[str, ...]:
        """What could not be carried over, as `relay.losses` tells it."""
        ...
