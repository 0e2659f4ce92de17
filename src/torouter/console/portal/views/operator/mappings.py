"""Where the names go that clients use: of one group, with the reasons, and of the whole gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from torouter.accounts.office import groups
from torouter.accounts.office.refused import filled
from torouter.accounts.office.routing import ExplainForm, whose
from torouter.accounts.office.views import GroupView
from torouter.console.portal.catalogue import names_for
from torouter.console.portal.slices import slice_of
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError
from torouter.routing.explain import Explanation
from torouter.routing.mappings import Meaning, mappings, meanings, open_channels
from torouter.units import DIALECTS, OPERATIONS

__all__ = ["list_mappings", "show_reach"]

_ASKED: Final = ("model", "dialect", "operation")


@dataclass(frozen=True, slots=True)
class _Name:
    """`ways` are by rising priority number, none where nobody serves it."""

    name: str
    ways: list[Meaning]


def list_mappings(visit: Visit) -> Response:
    snapshot = visit.sources.snapshot()
    search, channel = (visit.query.get(name, "").strip() for name in ("search", "channel"))
    found = [each for each in mappings(snapshot, search) if channel in ("", each.channel)]
    return visit.page(
        "operator/mappings.html",
        found=slice_of(found, visit.query),
        values={"search": search, "channel": channel},
        channels=[each.name for each in snapshot.channels],
        open=open_channels(snapshot),
    )


def show_reach(visit: Visit) -> Response:
    group = groups.get_group(visit.desk, visit.target_id("group"))
    snapshot = visit.sources.snapshot()
    search = visit.query.get("search", "").strip()
    every = sorted(group.models) if group.models else names_for(snapshot, [group])
    found = slice_of([name for name in every if search.lower() in name.lower()], visit.query)
    asked = {name: visit.query.get(name, "").strip() for name in _ASKED}
    explained, problem = _explained(visit, group, asked) if asked["model"] else (None, None)
    return visit.page(
        "operator/group_models.html",
        200 if problem is None else problem.status,
        group=group,
        found=found,
        names=[_Name(name, meanings(snapshot, name, group.name)) for name in found.rows],
        unserved=[name for name in group.models if not snapshot.has_model(group.name, name)],
        channels=[channel.name for channel in snapshot.channels_of(group.name)],
        search=search,
        asked=asked,
        explained=explained,
        place=visit.sources.routing.place,
        problem=problem,
        dialects=DIALECTS,
        operations=OPERATIONS,
    )


def _explained(visit: Visit, group: GroupView, asked: dict[str, str]) -> tuple[Explanation | None, RequestError | None]:
    named: dict[str, Any] = {name: value for name, value in asked.items() if value}
    try:
        form = filled(ExplainForm, named | {"group": group.name})
    except RequestError as error:
        return None, error
    group_id, models = whose(visit.desk, form)
    return visit.sources.routing.explain(group_id, models, form.dialect, form.operation, form.model), None
