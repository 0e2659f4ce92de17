"""The guide for those who call the API, for anybody to read; and the first page of this host."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup, escape
from starlette.responses import Response

from torouter.console.portal.catalogue import names_for
from torouter.console.portal.guide import CHAPTERS, NAMES, Place, Rendered, filled, find, neighbours, read_page
from torouter.console.portal.snippets import models_by_family, ready_made
from torouter.console.portal.visit import Visit
from torouter.errors import RoutingError

__all__ = ["landing", "list_pages", "nothing_here", "show_page"]

_LONGEST_SEARCH: Final = 100


def landing(visit: Visit) -> Response:
    """Where an address without a path leads, and what some clients ask for before anything else."""
    place = _place(visit)
    return visit.page(
        "landing.html",
        is_demo=visit.sources.is_demo(),
        address=place.address,
        example=ready_made(place.address, "$TOROUTER_API_KEY", place.models)["curl"],
    )


def list_pages(visit: Visit) -> Response:
    """All of them with their headings, or what was looked for."""
    wanted = visit.query.get("q", "").strip()[:_LONGEST_SEARCH]
    place = _place(visit)
    return visit.page(
        "guide_contents.html",
        chapters=_chapters(visit),
        wanted=wanted,
        found=[(each, Markup(filled(escape(each.excerpt), place))) for each in find(visit.words, wanted)],  # noqa: S704
    )


def show_page(visit: Visit) -> Response:
    name = visit.target
    if name not in NAMES:
        raise RoutingError("The guide has no such page.", kind="not_found")
    before, behind = neighbours(name)
    page = read_page(visit.words, name)
    return visit.page(
        "guide.html",
        name=name,
        page=page,
        html=Markup(filled(page.html, _place(visit))),  # noqa: S704  (ours, with escaped values)
        chapters=_chapters(visit),
        before=before and (before, read_page(visit.words, before).title),
        behind=behind and (behind, read_page(visit.words, behind).title),
    )


def nothing_here(visit: Visit) -> Response:
    """For people who came by an address that nothing has."""
    raise RoutingError("There is nothing here.", kind="not_found")


def _place(visit: Visit) -> Place:
    """Names of models are those that the reader's account may call; strangers are told none of this host's."""
    models = names_for(visit.sources.snapshot(), visit.own.groups()) if visit.session else []
    return Place(visit.base, models_by_family(models))


def _chapters(visit: Visit) -> list[tuple[str, list[tuple[str, Rendered]]]]:
    """(chapter, its pages by name)"""
    return [(chapter.name, [(name, read_page(visit.words, name)) for name in chapter.pages]) for chapter in CHAPTERS]
