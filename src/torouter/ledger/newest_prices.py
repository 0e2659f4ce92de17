"""The prices that hold now: the newest book, in a place where it can be changed for another."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from torouter.errors import StoreError
from torouter.ledger.prices import OwnPrice, Price, PriceBook
from torouter.ledger.rates import Rates
from torouter.store import PriceRow

__all__ = ["NewestPrices", "own_prices"]


class NewestPrices:
    """Whoever asks while `book` changes gets an answer from one book or the other."""

    __slots__ = ("book",)

    def __init__(self, book: PriceBook) -> None:
        self.book = book

    def find(self, kind: str, channel: str, upstream_model: str, model: str, at_ms: int) -> Price | None:
        return self.book.find(kind, channel, upstream_model, model, at_ms)


def own_prices(rows: Iterable[PriceRow]) -> list[OwnPrice]:
    """Raises `StoreError` for rates that this version does not know."""
    return [
        OwnPrice(id=row.id, model=row.model, channel=row.channel, from_ms=row.from_ms, rates=_rates(row))
        for row in rows
    ]


def _rates(row: PriceRow) -> Rates:
    try:
        return msgspec.convert(row.rates, Rates)
    except msgspec.ValidationError as error:
        raise StoreError(f"The price {row.id} of {row.model} cannot be read: {error}") from error
