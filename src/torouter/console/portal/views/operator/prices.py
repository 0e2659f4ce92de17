"""Prices: what each served model costs, the operator's own prices, and the forms that set and end them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from starlette.responses import Response

from torouter.accounts.office import prices
from torouter.accounts.office.fields import stored_ms
from torouter.accounts.office.forms import MOST_ID, NewPrice
from torouter.accounts.office.refused import filled
from torouter.accounts.office.views import PriceView
from torouter.console.portal.key_form import Problem
from torouter.console.portal.price_form import (
    BLANK,
    FACTORS,
    RATES,
    TIERS,
    is_whole,
    named_fields,
    shown_fields,
    whose_problem,
)
from torouter.console.portal.priced import LOOKED_AT, changes, priced
from torouter.console.portal.slices import slice_of
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError, StoreError
from torouter.ledger.prices import OwnPrice, own_version
from torouter.ledger.rates import Price
from torouter.routing.mappings import mappings
from torouter.units import moment

__all__ = ["add_price", "end_price", "list_prices"]

_MOST_UNPRICED: Final = 50
_MOST_CHANGES: Final = 50
_MOST_KNOWN: Final = 500
_OWN_ROWS: Final = 25
_NEW: Final = MOST_ID
"""Stands for the number of a price that is not stored yet."""


@dataclass(frozen=True, slots=True)
class _Own:
    """`names` are served and have this price now. `idle`: none is, for another price is before it or nobody serves
    such a model."""

    price: PriceView
    names: int
    state: Literal["ended", "later", "holds", "idle"]


def list_prices(visit: Visit) -> Response:
    now_ms, book, served = visit.desk.now_ms(), visit.sources.prices(), mappings(visit.sources.snapshot())
    looked = priced(served[:LOOKED_AT], book, now_ms)
    search = visit.query.get("search", "").strip()
    found = slice_of([each for each in served if search.lower() in each.name.lower()], visit.query)
    has_ended = visit.query.get("ended") == "yes"
    own = slice_of(prices.list_prices(visit.desk, include_deleted=has_ended)[::-1], visit.query, "own", _OWN_ROWS)
    names = Counter(each.version for each in looked)
    unpriced = [each.meaning for each in looked if each.price is None]
    return visit.page(
        "operator/prices.html",
        own=own,
        own_lines=[_own(each, names[own_version(each.id)], now_ms) for each in own.rows],
        own_ids={own_version(each.id): each.id for each in book.own},
        has_ended=has_ended,
        unpriced=unpriced[:_MOST_UNPRICED],
        unpriced_count=len(unpriced),
        unknown=visit.sources.unknown_price,
        found=found,
        costs=priced(found.rows, book, now_ms),
        search=search,
        looked_at=LOOKED_AT if len(served) > LOOKED_AT else 0,
    )


def add_price(visit: Visit) -> Response:
    """In two steps: what a price would do is shown before it is stored."""
    if not visit.is_post:
        return _form(visit, _begun(visit))
    try:
        form = filled(NewPrice, named_fields(visit.form))
    except RequestError as error:
        return _form(visit, visit.form, whose_problem(error), error.status)
    answer = visit.form.get("sure", "")
    if answer == "no":
        return _form(visit, visit.form)
    if answer != "yes":
        return _sure(visit, form)
    visit.do_once(PriceView, lambda: prices.add_price(visit.desk, form))
    return visit.done("/admin/prices", "price_added")


def end_price(visit: Visit) -> Response:
    price = _price(visit, visit.target_id("price"))
    if visit.is_post:
        prices.end_price(visit.desk, price.id)
        return visit.done("/admin/prices", "price_ended")
    book = visit.sources.prices()
    without = book.changed(each for each in book.own if each.id != price.id)
    at_ms = max(visit.desk.now_ms(), stored_ms(price.from_at))
    changed = changes(mappings(visit.sources.snapshot()), book, without, at_ms)
    return visit.page(
        "operator/price_end.html",
        price=price,
        changes=changed[:_MOST_CHANGES],
        changes_count=len(changed),
        unknown=visit.sources.unknown_price,
    )


def _own(price: PriceView, names: int, now_ms: int) -> _Own:
    if price.deleted_at is not None:
        return _Own(price, 0, "ended")
    if stored_ms(price.from_at) > now_ms:
        return _Own(price, 0, "later")
    return _Own(price, names, "holds" if names else "idle")


def _price(visit: Visit, price_id: int) -> PriceView:
    """Raises `StoreError` (`not_found`)."""
    every = prices.list_prices(visit.desk, include_deleted=False)
    found = next((each for each in every if each.id == price_id), None)
    if found is None:
        raise StoreError(f"There is no price {price_id}.", kind="not_found")
    return found


def _begun(visit: Visit) -> dict[str, str]:
    """The form as the address asks for it: like another price, or for a model."""
    like = _like(visit)
    begun = dict(BLANK) if like is None else shown_fields(like)
    return begun | {name: visit.query[name] for name in ("model", "channel") if name in visit.query}


def _like(visit: Visit) -> PriceView | None:
    """The price that a new one begins as."""
    like = visit.query.get("like", "")
    return _price(visit, int(like)) if like.isdecimal() and len(like) < 19 else None


def _form(visit: Visit, values: Any, problem: Problem | None = None, status: int = 200) -> Response:
    snapshot = visit.sources.snapshot()
    like = None if visit.is_post else _like(visit)
    return visit.page(
        "operator/price_form.html",
        status,
        values={name: values.get(name, "") for name in BLANK},
        problem=problem,
        rates=tuple(RATES),
        tiers=TIERS,
        factors=FACTORS,
        has_all=like is None or is_whole(like.rates),
        known=sorted({each.name for each in mappings(snapshot)})[:_MOST_KNOWN],
        channels=[channel.name for channel in snapshot.channels],
    )


def _sure(visit: Visit, form: NewPrice) -> Response:
    now_ms = visit.desk.now_ms()
    from_ms = stored_ms(form.from_at) if isinstance(form.from_at, datetime) else None
    book = visit.sources.prices()
    new = OwnPrice(
        id=_NEW, model=form.model.strip(" "), channel=form.channel, from_ms=from_ms or now_ms, rates=form.rates
    )
    found = mappings(visit.sources.snapshot())
    changed = changes(found, book, book.changed([*book.own, new]), max(now_ms, new.from_ms))
    return visit.page(
        "operator/price_sure.html",
        values={name: visit.form.get(name, "") for name in BLANK},
        form=form,
        from_at=None if from_ms is None else moment(from_ms),
        is_past=from_ms is not None and from_ms < now_ms,
        sheets=Price("", form.rates).sheets,
        changes=changed[:_MOST_CHANGES],
        changes_count=len(changed),
    )
