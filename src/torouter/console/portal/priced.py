"""What served models cost now, and would cost after a change of the operator's prices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from torouter.ledger.prices import PriceBook
from torouter.ledger.rates import Flat, Price
from torouter.routing.mappings import Meaning

__all__ = ["LOOKED_AT", "Change", "Priced", "changes", "priced"]

LOOKED_AT: Final = 4000
"""Of so many names it is said what they cost: the price list remembers as many, and the rest takes a moment each."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A name at a channel. `price` is `None` where nobody has told one."""

    meaning: Meaning
    price: Price | None

    @property
    def rates(self) -> Flat | None:
        """The standard ones, of small prompts."""
        return None if self.price is None else self.price.sheets[""].flat

    @property
    def version(self) -> str:
        """Empty without a price."""
        return "" if self.price is None else self.price.version

    @property
    def has_tiers(self) -> bool:
        return self.price is not None and (len(self.price.sheets) > 1 or bool(self.price.sheets[""].tiers))


@dataclass(frozen=True, slots=True)
class Change:
    before: Priced
    after: Priced


def priced(found: Iterable[Meaning], prices: PriceBook, at_ms: int) -> list[Priced]:
    return [Priced(each, prices.find(each.kind, each.channel, each.upstream_model, each.name, at_ms)) for each in found]


def changes(found: Sequence[Meaning], before: PriceBook, after: PriceBook, at_ms: int) -> list[Change]:
    """What has another price then, of those that are looked at."""
    looked = found[:LOOKED_AT]
    pairs = zip(priced(looked, before, at_ms), priced(looked, after, at_ms), strict=True)
    return [Change(old, new) for old, new in pairs if old.version != new.version]
