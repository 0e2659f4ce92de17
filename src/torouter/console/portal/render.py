"""From a template and values to a page, and the headers that every page has."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse, Response

from torouter import __version__
from torouter.console.portal import shown
from torouter.console.portal.assets import Assets
from torouter.console.portal.visit import Visit
from torouter.console.portal.words import LANGUAGES

__all__ = ["HEADERS", "Pages"]

HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # Without a referrer browsers say of a form that it comes from `null`, and ours could not be told from others'.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

_FOLDER: Final = Path(__file__).with_name("templates")


class Pages:
    """The templates, read and compiled when they are first wanted."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_FOLDER),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            name: getattr(shown, name)
            for name in ("count", "day", "iso", "moment", "exact", "rate", "seconds", "short_count", "usd")
        }
        self._environment.globals |= {
            "asset": assets.url,
            "languages": LANGUAGES,
            "share": shown.share,
            "version": __version__,
        }

    def __call__(self, template: str, visit: Visit, values: dict[str, Any], status: int) -> Response:
        page = self._environment.get_template(template)
        html = page.render(
            t=visit.words,
            n=visit.words.counted,
            named=visit.words.named,
            language=visit.words.language,
            theme=visit.theme,
            session=visit.session,
            path=visit.path,
            here=visit.path,
            base=visit.base,
            query=visit.query,
            csrf=visit.session.csrf if visit.session else "",
            once=secrets.token_urlsafe(16),
            told=visit.query.get("told", ""),
            **values,
        )
        return HTMLResponse(html, status, HEADERS)
