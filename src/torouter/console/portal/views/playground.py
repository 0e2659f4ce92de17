"""The playground: a page that calls the public API as any client does, from the browser of who is signed in."""

from __future__ import annotations

from starlette.responses import Response

from torouter.console.portal.catalogue import chat_models
from torouter.console.portal.visit import Visit

__all__ = ["playground"]


def playground(visit: Visit) -> Response:
    groups = visit.own.groups()
    models = chat_models(visit.sources.snapshot(), groups)
    names = [model.name for model in models]
    wanted = visit.query.get("model", "")
    return visit.page(
        "playground.html",
        models=models,
        groups=[group.name for group in groups],
        chosen=wanted or next(iter(names), ""),
        second=next((name for name in names if name != (wanted or names[0])), ""),
    )
