"""How the pages look and speak, for whoever looks at them: kept in the browser only."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from torouter.console.portal.visit import Visit, inner_path
from torouter.console.portal.words import LANGUAGES

__all__ = ["LANGUAGE_COOKIE", "THEMES", "THEME_COOKIE", "choose"]

THEME_COOKIE: Final = "torouter_theme"
LANGUAGE_COOKIE: Final = "torouter_language"
THEMES: Final = ("light", "dark")

_YEAR_S: Final = 365 * 24 * 3600


def choose(visit: Visit) -> Response:
    """What is not among the choices is the browser's own setting again."""
    response = visit.go(inner_path(visit.form.get("back", "")))
    for field, cookie, choices in (("theme", THEME_COOKIE, THEMES), ("language", LANGUAGE_COOKIE, tuple(LANGUAGES))):
        chosen = visit.form.get(field)
        if chosen is not None and chosen in choices:
            response.set_cookie(cookie, chosen, max_age=_YEAR_S, path="/", secure=visit.is_secure, samesite="lax")
        elif chosen is not None:
            response.delete_cookie(cookie, path="/", secure=visit.is_secure, samesite="lax")
    return response
