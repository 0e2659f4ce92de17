"""The operator's own prices. One is never changed, for old bills name it: a later one takes its place."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from torouter.accounts.office import fields
from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import NewPrice
from torouter.accounts.office.views import PriceView, price_view
from torouter.errors import StoreError

__all__ = ["add_price", "end_price", "list_prices"]


def add_price(desk: Desk, form: NewPrice) -> PriceView:
    from_ms = desk.now_ms() if form.from_at is UNSET else fields.stored_ms(form.from_at)
    with desk.changing():
        rates = msgspec.to_builtins(form.rates)
        row = desk.store.add_price(fields.name(form.model), form.channel, from_ms, rates, form.note)
        made = price_view(row)
        desk.record("price.add", row.id, None, made)
    return made


def list_prices(desk: Desk, *, include_deleted: bool) -> list[PriceView]:
    return [price_view(row) for row in desk.store.list_prices(include_deleted=include_deleted)]


def end_price(desk: Desk, price_id: int) -> PriceView:
    """It is not asked any more; what it priced stays priced."""
    with desk.changing():
        before = next((row for row in desk.store.list_prices() if row.id == price_id), None)
        if before is None:
            raise StoreError(f"There is no price {price_id}.", kind="not_found")
        desk.store.delete_price(price_id)
        desk.record("price.end", price_id, price_view(before), None)
    return price_view(before)
