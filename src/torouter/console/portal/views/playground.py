"""The playground: a page that calls the public API as any client does, from the browser of who is signed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from torouter.accounts.office.views import GroupView
from torouter.console.portal.catalogue import chat_models
from torouter.console.portal.visit import Visit

__all__ = ["find_models", "playground"]

_MOST_MODELS: Final = 50
"""Offered at a time: in the page the first ones, and of a search."""


def playground(visit: Visit) -> Response:
    snapshot, groups = visit.sources.snapshot(), visit.own.groups()
    wanted = visit.query.get("model", "")
    group = _group_of(visit, groups, wanted)
    names = [] if group is None else [model.name for model in chat_models(snapshot, group, most=_MOST_MODELS)]
    chosen = wanted or next(iter(names), "")
    return visit.page(
        "playground.html",
        models=names,
        groups=[each.name for each in groups],
        group="" if group is None else group.name,
        chosen=chosen,
        second=next((name for name in names if name != chosen), ""),
    )


def find_models(visit: Visit) -> Response:
    """For a script: those of a group that have in their names what is being written. None of a group that is not
    there, or not for this account."""
    group = next((each for each in visit.own.groups() if each.name == visit.query.get("group", "")), None)
    search, snapshot = visit.query.get("search", "").strip(), visit.sources.snapshot()
    found = [] if group is None else chat_models(snapshot, group, search=search, most=_MOST_MODELS)
    return visit.data({"models": found})


def _group_of(visit: Visit, groups: Sequence[GroupView], wanted: str) -> GroupView | None:
    """Where one begins: the first that has the model that the address names, or else any."""
    snapshot = visit.sources.snapshot()
    having = (each for each in groups if wanted and snapshot.has_model(each.name, wanted, frozenset(each.models)))
    serving = (each for each in groups if chat_models(snapshot, each, most=1))
    return next(having, None) or next(serving, None)
