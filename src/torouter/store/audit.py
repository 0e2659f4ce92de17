"""Queries of who changed what, within a transaction of `Store`'s."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, insert, null, select

from torouter.store.rows import AuditFilter, AuditRow
from torouter.store.schema import audit
from torouter.units import wall_ms

__all__ = ["floor", "page", "write"]

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
    connection: Connection, wanted: AuditFilter, before_id: int | None, limit: int, lowest_id: int | None
) -> list[AuditRow]:
    query = select(audit).where(*_is_wanted(wanted)).order_by(_OF.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(_OF.id < before_id)
    if lowest_id is not None:
        query = query.where(_OF.id >= lowest_id)
    return [AuditRow(**row._mapping) for row in connection.execute(query)]


def floor(connection: Connection, before_id: int | None, rows: int) -> int | None:
    query = select(_OF.id).order_by(_OF.id.desc()).offset(rows - 1).limit(1)
    if before_id is not None:
        query = query.where(_OF.id < before_id)
    return connection.execute(query).scalar_one_or_none()


def _is_wanted(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    asked = {
        _OF.object_kind: wanted.object_kind,
        _OF.object_id: wanted.object_id,
    }
    found = [column == value for column, value in asked.items() if value is not None]
    if wanted.actor:
        found.append(_OF.actor.contains(wanted.actor, autoescape=True))
    if wanted.from_ms is not None:
        found.append(_OF.at_ms >= wanted.from_ms)
    if wanted.until_ms is not None:
        found.append(_OF.at_ms < wanted.until_ms)
    return found
