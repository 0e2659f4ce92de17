"""Queries of the operator's prices, within a transaction of `Store`'s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from sqlalchemy import Connection, Select, insert, select

from torouter.store.columns import set_columns
from torouter.store.rows import PriceRow
from torouter.store.schema import prices
from torouter.units import wall_ms

__all__ = ["add", "delete", "every"]

_Rows: TypeAlias = Select[*tuple[Any, ...]]

_OF = prices.c
_ROWS: _Rows = select(*(_OF[name] for name in PriceRow.__struct_fields__)).order_by(_OF.id)


def add(
    connection: Connection, model: str, channel: str, from_ms: int, rates: Mapping[str, object], note: str
) -> PriceRow:
    values = {"model": model, "channel": channel, "from_ms": from_ms, "rates": dict(rates), "note": note}
    price = insert(prices).values(values | {"created_ms": wall_ms()}).returning(*_ROWS.selected_columns)
    return PriceRow(**connection.execute(price).one()._mapping)


def every(connection: Connection, include_deleted: bool) -> list[PriceRow]:
    query = _ROWS if include_deleted else _ROWS.where(_OF.deleted_ms.is_(None))
    return [PriceRow(**row._mapping) for row in connection.execute(query)]


def delete(connection: Connection, price_id: int) -> PriceRow:
    set_columns(connection, prices, price_id, {"deleted_ms": wall_ms()}, f"There is no price {price_id}.")
    return PriceRow(**connection.execute(_ROWS.where(_OF.id == price_id)).one()._mapping)
