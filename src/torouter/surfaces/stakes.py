"""What a request may cost, before it is made."""

from __future__ import annotations

from torouter.access.admission import Admission
from torouter.access.reserving import Stake
from torouter.relay.call import Call

__all__ = ["Stakes"]


class Stakes:
    __slots__ = ()

    def check_price(self, admission: Admission) -> None:
        return None

    def stake(
        self,
        body: bytes,
        admission: Admission,
        call: Call,
        *,
        multiplier_ppm: int,
        is_strict: bool,
        has_money: bool,
        counts_tokens: bool,
    ) -> Stake:
        return Stake()
