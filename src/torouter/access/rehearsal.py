"""Would a request pass? The guards, asked in their order without a request: nothing is taken and nothing counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from torouter.access.admission import Doorkeeper
from torouter.access.client import Client
from torouter.access.reserving import Reserving, Stake
from torouter.access.standing import Standing
from torouter.errors import TorouterError
from torouter.ledger.meters import Meter
from torouter.units import Dialect, Operation

__all__ = ["Rehearsal", "Rehearsed"]

_LEAST: Final = Stake(hold_nusd=1, tokens=1)
"""Of the smallest request: a larger one may be refused where this one passes."""
_ANSWER_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """`refusal`: what the request would be answered with; `None`: it passes. `money` are the meters that it would be
    charged to, where the key stands well enough to say."""

    refusal: TorouterError | None
    money: tuple[Meter, ...] = ()


class Rehearsal:
    """Of one process: its loop, and what it knows of keys, channels and limits."""

    def __init__(
        self,
        doorkeeper: Doorkeeper,
        reserving: Reserving,
        now_ms: Callable[[], int],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._doorkeeper = doorkeeper
        self._reserving = reserving
        self._now_ms = now_ms
        self._loop = loop

    def run(
        self, key_hash: bytes | None, client: Client, dialect: Dialect, operation: Operation, model: str
    ) -> Rehearsed:
        """Blocks, and is called from threads."""
        asked = self._ask(key_hash, client, dialect, operation, model)
        try:
            return asyncio.run_coroutine_threadsafe(asked, self._loop).result(_ANSWER_S)
        except TimeoutError:
            raise TorouterError("The gateway is too busy to say. Try again.", kind="overloaded") from None

    async def _ask(
        self, key_hash: bytes | None, client: Client, dialect: Dialect, operation: Operation, model: str
    ) -> Rehearsed:
        try:
            standing = self._doorkeeper.identify(key_hash, client)
        except TorouterError as error:
            return Rehearsed(error)
        return Rehearsed(await self._refusal(standing, dialect, operation, model), standing.dues(self._now_ms()).money)

    async def _refusal(
        self, standing: Standing, dialect: Dialect, operation: Operation, model: str
    ) -> TorouterError | None:
        """As the gateway does it: whose money is used up hears of that before the model is spoken of."""
        try:
            try:
                self._doorkeeper.admit(standing, dialect, operation, model)
            except TorouterError:
                await self._reserving.check(standing)
                raise
            await self._reserving.foresee(standing, _LEAST)
        except TorouterError as error:
            return error
        return None
