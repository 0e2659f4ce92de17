"""What an admission checks and takes, and what `Meters` are, wherever they count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

import msgspec

__all__ = ["Ask", "Hold", "Meter", "Meters", "Refusal", "Window", "WindowName"]

WindowName = Literal["1m", "5h", "1d", "7d"]


class Meter(NamedTuple):
    """A limit of money. `name`: `k:<key id>`, `a:<account id>`, `p:<subscription id>:<day|week|month>:<start ms>`."""

    name: str
    limit_nusd: int


class Window(NamedTuple):
    """At most `limit` admitted requests (at least 1) in any stretch of time as long as the window."""

    name: WindowName
    limit: int


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one admission checks and takes. `money` in the order in which refusals are told; `hold_nusd` is
    the expected cost, or the worst case if `is_strict`; `tokens` are those expected of this request. Limits of 0 are
    off."""

    key_id: int
    money: tuple[Meter, ...] = ()
    hold_nusd: int = 0
    is_strict: bool = False
    windows: tuple[Window, ...] = ()
    tokens_per_minute: int = 0
    tokens: int = 0
    concurrency: int = 0

    @property
    def is_limited(self) -> bool:
        return bool(self.money or self.windows or self.tokens_per_minute or self.concurrency)


class Refusal(NamedTuple):
    """`name` is the meter's or the window's. `retry_after_s` is `None` where no clock says when there is room again.
    `away`: the limits cannot be known now."""

    kind: Literal["money", "requests", "tokens", "concurrency", "away"]
    name: str
    retry_after_s: float | None


class Hold:
    """What `reserve` took, for `settle`. Opaque."""

    __slots__ = ("ask", "at_ms", "is_settled", "number", "twin")

    def __init__(self, ask: Ask, at_ms: int, number: int = 0) -> None:
        self.ask = ask
        self.at_ms = at_ms
        self.number = number
        self.twin: Hold | None = None
        self.is_settled = False


class Meters(Protocol):
    """Atomic admission. A meter admits while `spent + held < limit`, or if `spent + held + hold <= limit` (strict)."""

    async def check(self, ask: Ask) -> Refusal | None:
        """The money part only; takes nothing."""
        ...

    async def reserve(self, ask: Ask) -> Hold | Refusal:
        """Takes everything or nothing. The first refusal is told: money in the order given, requests, tokens,
        concurrency."""
        ...

    async def foresee(self, ask: Ask) -> Refusal | None:
        """What `reserve` would say of it now; takes nothing."""
        ...

    def settle(self, hold: Hold, cost_nusd: int, tokens: int) -> None:
        """Gives back what was held and counts what was used. Once for each hold, a second time is nothing; never waits,
        never raises."""
        ...

    def raise_spent(self, totals: Mapping[str, int], written: Mapping[str, int]) -> None:
        """After something was written to the store: what it has in all, by meter, of which this process has now
        `written` so much. No meter says less."""
        ...

    async def open(self) -> None:
        """Makes ready what can be made ready before the first request. Raises `StoreError` where that is away now:
        `run` goes on trying. Needs a task around it."""
        ...

    async def run(self) -> None:
        """Works in the background until cancelled."""
        ...

    async def close(self) -> None: ...
