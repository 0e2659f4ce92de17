"""Queries of plans and of the subscriptions to them, within a transaction of `Store`'s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Select, insert, select, update

from torouter.errors import StoreError
from torouter.store.columns import checked, freed_name, set_columns
from torouter.store.rows import PlanRow, SubscriptionRow, SubscriptionStatus
from torouter.store.schema import accounts, groups, plans, subscriptions
from torouter.store.transactions import conflict
from torouter.units import wall_ms

__all__ = ["change", "create", "delete", "every", "get", "set_subscription", "subscriptions_of"]

_Rows: TypeAlias = Select[*tuple[Any, ...]]

_OF = plans.c
_WINDOWS: Final = ("daily_nusd", "weekly_nusd", "monthly_nusd")
_ROWS: _Rows = select(*(_OF[name] for name in PlanRow.__struct_fields__)).order_by(_OF.id)
_SUBSCRIPTIONS: _Rows = (
    select(
        *(subscriptions.c[name] for name in SubscriptionRow.__struct_fields__ if name not in _WINDOWS),
        *(_OF[name] for name in _WINDOWS),
    )
    .join(plans, _OF.id == subscriptions.c.plan_id)
    .order_by(subscriptions.c.id)
)


def create(connection: Connection, name: str, windows: Mapping[str, int]) -> PlanRow:
    plan = insert(plans).values(name=name, created_ms=wall_ms(), **windows).returning(*_ROWS.selected_columns)
    with conflict(f"There is a plan named {name} already."):
        return PlanRow(**connection.execute(plan).one()._mapping)


def every(connection: Connection, include_deleted: bool) -> list[PlanRow]:
    query = _ROWS if include_deleted else _ROWS.where(_OF.deleted_ms.is_(None))
    return [PlanRow(**row._mapping) for row in connection.execute(query)]


def get(connection: Connection, plan_id: int) -> PlanRow:
    row = connection.execute(_ROWS.where(_OF.id == plan_id)).one_or_none()
    if row is None:
        raise StoreError(f"There is no plan {plan_id}.", kind="not_found")
    return PlanRow(**row._mapping)


def change(connection: Connection, plan_id: int, changes: Mapping[str, object]) -> PlanRow:
    values = checked(changes, ("name", *_WINDOWS), "a plan")
    with conflict(f"There is a plan named {changes.get('name')} already."):
        if values:
            set_columns(connection, plans, plan_id, values, f"There is no plan {plan_id}.")
    return get(connection, plan_id)


def delete(connection: Connection, plan_id: int) -> PlanRow:
    """Refused while a subscription that is not over has it."""
    is_in_force = (subscriptions.c.plan_id == plan_id) & (subscriptions.c.status != "cancelled")
    if connection.execute(select(subscriptions.c.id).where(is_in_force).limit(1)).first() is not None:
        raise StoreError(f"Plan {plan_id} has subscriptions: cancel them or give them another plan.", kind="conflict")
    values = {"deleted_ms": wall_ms(), "name": freed_name(_OF.name)}
    set_columns(connection, plans, plan_id, values, f"There is no plan {plan_id}.")
    return get(connection, plan_id)


def set_subscription(
    connection: Connection,
    number: int,
    account_id: int,
    group_id: int,
    plan_id: int,
    status: SubscriptionStatus,
    started_ms: int,
    ends_ms: int | None,
) -> SubscriptionRow:
    _require_all(connection, account_id, group_id, plan_id)
    is_asked = (subscriptions.c.account_id == account_id) & (subscriptions.c.group_id == group_id)
    values = {
        "plan_id": plan_id,
        "status": status,
        "started_ms": started_ms,
        "ends_ms": ends_ms,
        "revision": number,
    }
    if not connection.execute(update(subscriptions).where(is_asked).values(values)).rowcount:
        made = {"account_id": account_id, "group_id": group_id, "created_ms": wall_ms()}
        connection.execute(insert(subscriptions).values(values | made))
    return SubscriptionRow(**connection.execute(_SUBSCRIPTIONS.where(is_asked)).one()._mapping)


def subscriptions_of(connection: Connection, account_id: int | None) -> list[SubscriptionRow]:
    query = _SUBSCRIPTIONS if account_id is None else _SUBSCRIPTIONS.where(subscriptions.c.account_id == account_id)
    return [SubscriptionRow(**row._mapping) for row in connection.execute(query)]


def _require_all(connection: Connection, account_id: int, group_id: int, plan_id: int) -> None:
    for table, row_id, word in (
        (accounts, account_id, "account"),
        (groups, group_id, "group"),
        (plans, plan_id, "plan"),
    ):
        is_asked = (table.c.id == row_id) & table.c.deleted_ms.is_(None)
        if connection.execute(select(table.c.id).where(is_asked)).first() is None:
            raise StoreError(f"There is no {word} {row_id}.", kind="not_found")
