"""Asking the meters: the key's cap, the plan, the balance, and last the request windows, in one go.

Whoever has no limit at all is not asked about, so that such a request waits for nobody.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from torouter.access.client import Client
from torouter.access.dues import Dues
from torouter.access.refusals import BalanceStatus, refused, refused_by_plan
from torouter.access.standing import Standing
from torouter.access.terms import Terms
from torouter.ledger.meters import Ask, Meters, Refusal
from torouter.store import OnHangup

__all__ = ["Reserving", "Stake"]


class Stake(msgspec.Struct, frozen=True, gc=False):
    """What a request is expected to take: money in nano-dollars, and tokens."""

    hold_nusd: int = 0
    tokens: int = 0


class Reserving:
    """`is_strict` and `on_hangup` hold for keys that say nothing themselves. `balance_status` tells of an empty
    balance."""

    __slots__ = ("_balance_status", "_is_strict", "_meters", "_now_ms", "_on_hangup")

    def __init__(
        self,
        meters: Meters,
        now_ms: Callable[[], int],
        *,
        is_strict: bool = False,
        on_hangup: OnHangup = "cancel",
        balance_status: BalanceStatus = 402,
    ) -> None:
        self._meters = meters
        self._now_ms = now_ms
        self._is_strict = is_strict
        self._on_hangup: OnHangup = on_hangup
        self._balance_status = balance_status

    def is_strict(self, standing: Standing) -> bool:
        own = standing.key.is_strict
        return self._is_strict if own is None else own

    def has_money(self, standing: Standing) -> bool:
        """Is there a limit on its money?"""
        return bool(standing.dues(self._now_ms()).money)

    async def check(self, standing: Standing) -> None:
        """The money alone, where a request is about to be refused for something that comes later. Raises what comes
        first: `LimitError` or `AccessError`."""
        if standing.is_free:
            return
        now_ms = self._now_ms()
        dues = standing.dues(now_ms)
        if dues.money:
            refusal = await self._meters.check(Ask(key_id=standing.key.id, money=dues.money))
            if refusal is not None:
                raise refused(refusal, dues, now_ms, self._balance_status)
        refused_by_plan(dues)

    def free(self, standing: Standing, client: Client) -> Terms:
        """For a key without limits. One object for all its requests from one address."""
        terms = standing.free_terms
        if terms is not None and terms.address == client.address:
            return terms
        key, group = standing.key, standing.group
        terms = standing.free_terms = Terms(
            address=client.address,
            group_id=group.id,
            is_on_balance=group.billing == "balance",
            multiplier_ppm=group.multiplier_ppm,
            on_hangup=key.on_hangup or self._on_hangup,
            on_cut=group.on_cut,
            is_windowed=standing.is_windowed,
        )
        return terms

    async def foresee(self, standing: Standing, stake: Stake) -> None:
        """Raises what `reserve` would, and takes nothing."""
        if standing.is_free:
            return
        now_ms = self._now_ms()
        dues = standing.dues(now_ms)
        if dues.fault is not None:
            await self.check(standing)
        refusal = await self._meters.foresee(self._ask(standing, dues, stake))
        if refusal is not None:
            raise refused(refusal, dues, now_ms, self._balance_status)

    async def reserve(self, standing: Standing, client: Client, stake: Stake) -> Terms:
        """Takes all of it or nothing. Raises `LimitError` or `AccessError`."""
        now_ms = self._now_ms()
        dues = standing.dues(now_ms)
        if dues.fault is not None:
            await self.check(standing)
        hold = await self._meters.reserve(self._ask(standing, dues, stake))
        if isinstance(hold, Refusal):
            raise refused(hold, dues, now_ms, self._balance_status)
        return Terms(
            hold=hold,
            address=client.address,
            group_id=standing.group.id,
            is_on_balance=standing.group.billing == "balance",
            multiplier_ppm=standing.group.multiplier_ppm,
            on_hangup=standing.key.on_hangup or self._on_hangup,
            on_cut=standing.group.on_cut,
            plan_windows=dues.plan_windows,
            is_windowed=standing.is_windowed,
        )

    def _ask(self, standing: Standing, dues: Dues, stake: Stake) -> Ask:
        return Ask(
            key_id=standing.key.id,
            money=dues.money,
            hold_nusd=stake.hold_nusd,
            is_strict=self.is_strict(standing),
            windows=standing.windows,
            tokens_per_minute=standing.tokens_per_minute,
            tokens=stake.tokens,
            concurrency=standing.concurrency,
        )
