"""What an admission asks of its limits, and what answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

import msgspec

__all__ = ["Ask", "Hold", "Meter", "Meters", "Refusal", "Window"]


class Meter(NamedTuple):
    """A limit on money. Names: `k:<key>`, `a:<account>`, `p:<subscription>:<day|week|month>:<start in ms>`."""

    name: str
    limit_nusd: int


class Window(NamedTuple):
    """A limit on admitted requests within a sliding time."""

    name: Literal["1m", "5h", "1d", "7d"]
    limit: int


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """All that one admission checks and takes. `money` stands in the order in which refusals are told; 0: no limit."""

    key_id: int
    money: tuple[Meter, ...] = ()
    hold_nusd: int = 0
    is_strict: bool = False
    windows: tuple[Window, ...] = ()
    tokens_per_minute: int = 0
    tokens: int = 0
    concurrency: int = 0


class Refusal(NamedTuple):
    """`name` is that of the meter or window. `away`: the limits cannot be looked up."""

    kind: Literal["money", "requests", "tokens", "concurrency", "away"]
    name: str
    retry_after_s: float | None


class Hold(msgspec.Struct, frozen=True):
    """What `settle` needs of a reservation."""

    ask: Ask


class Meters(Protocol):
    async def check(self, ask: Ask, /) -> Refusal | None:
        """The money alone; takes nothing."""
        ...

    async def reserve(self, ask: Ask, /) -> Hold | Refusal:
        """All or nothing, atomic over all processes."""
        ...

    def settle(self, hold: Hold, cost_nusd: int, tokens: int, /) -> None:
        """Exactly once for each hold. Never waits and never raises."""
        ...

    def raise_spent(self, totals: Mapping[str, int], /) -> None:
        """After each flush: the store's totals by meter name."""
        ...
