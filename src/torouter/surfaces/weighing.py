"""How a request is weighed before it is made: the models that may stand in for its own, and what is held for it. One
that somebody only thinks of is weighed as one that came.
"""

from __future__ import annotations

from dataclasses import dataclass

from torouter.access.admission import Admission, Doorkeeper
from torouter.access.reserving import Reserving, Stake
from torouter.access.standing import Standing
from torouter.codecs import CODECS
from torouter.relay.call import Call
from torouter.relay.others import Others
from torouter.routing.fallbacks import Fallbacks
from torouter.surfaces.fallbacks import others_for
from torouter.surfaces.stakes import Stakes, short_body
from torouter.units import Dialect, Operation

__all__ = ["Weighing"]


@dataclass(frozen=True, slots=True)
class Weighing:
    """Both raise what `Stakes.stake` does."""

    doorkeeper: Doorkeeper
    reserving: Reserving
    stakes: Stakes

    def others(self, named: Fallbacks | None, standing: Standing, admission: Admission, call: Call) -> Others:
        """Those that may stand in for the model."""
        others = others_for(named, self.doorkeeper, standing, admission, call)
        return self.stakes.with_prices(others, is_limited=self.reserving.has_money(standing))

    def stake(self, body: bytes, standing: Standing, admission: Admission, call: Call, others: Others) -> Stake:
        return self.stakes.stake(
            body,
            admission,
            call,
            others=others,
            multiplier_ppm=standing.group.multiplier_ppm,
            is_strict=self.reserving.is_strict(standing),
            has_money=self.reserving.has_money(standing),
            counts_tokens=bool(standing.tokens_per_minute),
        )

    def foretell(
        self,
        standing: Standing,
        admission: Admission,
        dialect: Dialect,
        operation: Operation,
        output_tokens: int | None,
    ) -> Stake:
        """Of a few words, whose answer may have so many tokens; `None`: it does not say."""
        call = Call(codec=CODECS[dialect], operation=operation, framing="whole", content_type=b"application/json")
        others = self.others(None, standing, admission, call)
        return self.stake(short_body(dialect, admission.model, output_tokens), standing, admission, call, others)
