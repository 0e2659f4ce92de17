"""Queries of who changed what, within a transaction of `Store`'s."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, insert, null, select

from torouter.store.rows import AuditRow
from torouter.store.schema import audit
from torouter.units import wall_ms

__all__ = ["page", "write"]

_OF = audit.c


def write(
    connection: Connection,
    actor: str,
    address: str,
    action: str,
    object_kind: str,
    object_id: int,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> AuditRow:
    row = insert(audit).values(
        at_ms=wall_ms(),
        actor=actor,
        address=address,
        action=action,
        object_kind=object_kind,
        object_id=object_id,
        before=null() if before is None else dict(before),
        after=null() if after is None else dict(after),
    )
    return AuditRow(**connection.execute(row.returning(*_OF)).one()._mapping)


def page(
    connection: Connection, before_id: int | None, limit: int, object_kind: str | None, object_id: int | None
) -> list[AuditRow]:
    query = select(audit).order_by(_OF.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(_OF.id < before_id)
    if object_kind is not None:
        query = query.where(_OF.object_kind == object_kind)
    if object_id is not None:
        query = query.where(_OF.object_id == object_id)
    return [AuditRow(**row._mapping) for row in connection.execute(query)]
