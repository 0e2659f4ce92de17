"""The models that the account can call, and one of them."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from torouter.console.portal.catalogue import Entry, entries
from torouter.console.portal.snippets import snippets
from torouter.console.portal.visit import Visit
from torouter.errors import RoutingError

__all__ = ["list_models", "show_model"]

_SORTS: Final = ("chat", "embeddings", "images", "audio", "rerank")


def list_models(visit: Visit) -> Response:
    found = _entries(visit)
    wanted, vendor, sort = (visit.query.get(name, "").strip() for name in ("search", "vendor", "sort"))
    shown = [entry for entry in found if _fits(entry, wanted.lower(), vendor, sort)]
    return visit.page(
        "models.html",
        entries=shown,
        total=len(found),
        vendors=sorted({entry.vendor for entry in found if entry.vendor}),
        sorts=[each for each in _SORTS if any(each in _sorts_of(entry) for entry in found)],
        values={"search": wanted, "vendor": vendor, "sort": sort},
    )


def show_model(visit: Visit) -> Response:
    name = visit.query.get("name", "")
    entry = next((each for each in _entries(visit) if each.name == name), None)
    if entry is None:
        raise RoutingError("There is no such model.", kind="not_found")
    return visit.page("model.html", entry=entry, snippets=snippets(visit.base, "$TOROUTER_KEY", [entry.name])[:3])


def _entries(visit: Visit) -> list[Entry]:
    sources = visit.sources
    return entries(sources.snapshot(), sources.prices(), visit.own.groups(), visit.desk.now_ms())


def _fits(entry: Entry, wanted: str, vendor: str, sort: str) -> bool:
    if wanted and wanted not in entry.name.lower():
        return False
    if vendor and entry.vendor != vendor:
        return False
    return not sort or sort in _sorts_of(entry)


def _sorts_of(entry: Entry) -> set[str]:
    names = {"transcriptions": "audio", "speech": "audio", "image_edits": "images"}
    return {names.get(endpoint.operation, endpoint.operation) for endpoint in entry.endpoints}
