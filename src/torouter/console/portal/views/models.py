"""The models that the account can call, and one of them."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from torouter.console.portal.catalogue import Entry, entries
from torouter.console.portal.modalities import SORTS
from torouter.console.portal.model_snippets import model_snippets
from torouter.console.portal.slices import slice_of
from torouter.console.portal.visit import Visit
from torouter.errors import RoutingError
from torouter.ledger.rates import UNIT_PPM

__all__ = ["list_models", "show_model"]

_SEES: Final = "vision"
"""Beside the sorts, what one may filter by: models that take images."""
_ROWS: Final = 100
"""Of one part of the list: routers of routers have hundreds of models."""


def list_models(visit: Visit) -> Response:
    found = _entries(visit)
    wanted, vendor, sort = (visit.query.get(name, "").strip() for name in ("search", "vendor", "sort"))
    shown = [entry for entry in found if _fits(entry, wanted.lower(), vendor, sort)]
    sorts: list[str] = [each for each in SORTS if any(each == entry.sort for entry in found)]
    return visit.page(
        "models.html",
        found=slice_of(shown, visit.query, most=_ROWS),
        total=len(found),
        vendors=sorted({entry.vendor for entry in found if entry.vendor}),
        sorts=[*sorts, *([_SEES] if any(entry.sees for entry in found) else [])],
        has_multipliers=any(multiplier != UNIT_PPM for entry in found for _, multiplier in entry.groups),
        values={"search": wanted, "vendor": vendor, "sort": sort},
    )


def show_model(visit: Visit) -> Response:
    name = visit.query.get("name", "")
    entry = next((each for each in _entries(visit) if each.name == name), None)
    if entry is None:
        raise RoutingError("There is no such model.", kind="not_found")
    paths = [endpoint.path for endpoint in entry.endpoints]
    return visit.page("model.html", entry=entry, snippets=model_snippets(visit.base, entry.name, paths))


def _entries(visit: Visit) -> list[Entry]:
    sources = visit.sources
    return entries(sources.snapshot(), sources.prices(), visit.own.groups(), visit.desk.now_ms())


def _fits(entry: Entry, wanted: str, vendor: str, sort: str) -> bool:
    if any(part not in f"{entry.name} {entry.vendor}".lower() for part in wanted.split()):
        return False
    if vendor and entry.vendor != vendor:
        return False
    return not sort or sort == entry.sort or (sort == _SEES and bool(entry.sees))
