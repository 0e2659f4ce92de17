"""Would a request pass? The guards, asked in their order without a request: nothing is taken and nothing counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from torouter.access.admission import Admission, Doorkeeper
from torouter.access.client import Client
from torouter.access.reserving import Reserving, Stake
from torouter.access.standing import Standing
from torouter.errors import TorouterError
from torouter.ledger.meters import Meter
from torouter.units import Dialect, Operation

__all__ = ["Rehearsal", "Rehearsed"]

_ANSWER_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """`refusal`: what the request would be answered with; `None`: it passes. `money` are the meters that it would be
    charged to, where the key stands well enough to say."""

    refusal: TorouterError | None
    money: tuple[Meter, ...] = ()


class Foretell(Protocol):
    """What would be held for a request of a few words whose answer may have so many tokens (`None`: it does not say).
    Raises what is told to a request that is not to be had for money."""

    def __call__(
        self,
        standing: Standing,
        admission: Admission,
        dialect: Dialect,
        operation: Operation,
        output_tokens: int | None,
        /,
    ) -> Stake: ...


class Rehearsal:
    """Of one process: its loop, and what it knows of keys, channels, prices and limits."""

    def __init__(
        self,
        doorkeeper: Doorkeeper,
        reserving: Reserving,
        foretell: Foretell,
        now_ms: Callable[[], int],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._doorkeeper = doorkeeper
        self._reserving = reserving
        self._foretell = foretell
        self._now_ms = now_ms
        self._loop = loop

    def run(
        self,
        key_hash: bytes | None,
        client: Client,
        dialect: Dialect,
        operation: Operation,
        model: str,
        output_tokens: int | None = None,
    ) -> Rehearsed:
        """Of a request of a few words whose answer may have so many tokens; `None`: it does not say. Blocks, and is
        called from threads."""
        asked = self._ask(key_hash, client, dialect, operation, model, output_tokens)
        try:
            return asyncio.run_coroutine_threadsafe(asked, self._loop).result(_ANSWER_S)
        except TimeoutError:
            raise TorouterError("The gateway is too busy to say. Try again.", kind="overloaded") from None

    async def _ask(
        self,
        key_hash: bytes | None,
        client: Client,
        dialect: Dialect,
        operation: Operation,
        model: str,
        output_tokens: int | None,
    ) -> Rehearsed:
        try:
            standing = self._doorkeeper.identify(key_hash, client)
        except TorouterError as error:
            return Rehearsed(error)
        refusal = await self._refusal(standing, dialect, operation, model, output_tokens)
        return Rehearsed(refusal, standing.dues(self._now_ms()).money)

    async def _refusal(
        self, standing: Standing, dialect: Dialect, operation: Operation, model: str, output_tokens: int | None
    ) -> TorouterError | None:
        """As the gateway does it: whose money is used up hears of that before the model is spoken of."""
        try:
            try:
                admission = self._doorkeeper.admit(standing, dialect, operation, model)
                stake = self._foretell(standing, admission, dialect, operation, output_tokens)
            except TorouterError:
                await self._reserving.check(standing)
                raise
            await self._reserving.foresee(standing, stake)
        except TorouterError as error:
            return error
        return None
