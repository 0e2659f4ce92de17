"""The pages as one Starlette application. It is served through the same connections as the gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal

from jinja2 import Environment, FileSystemLoader, select_autoescape
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Lifespan

from torouter import __version__

__all__ = ["Health", "make_pages"]

Health = Literal["starting", "ready", "degraded", "refusing"]

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=select_autoescape(), auto_reload=False
)
_SECURITY: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def make_pages(
    *,
    health: Callable[[], Health],
    is_demo: Callable[[], bool],
    metrics: Callable[[], Collector],
    lifespan: Lifespan[Starlette],
    more: Sequence[BaseRoute] = (),
) -> Starlette:
    """`health`: may this process be sent requests? `degraded` is, but goes by what it knew some time ago. `is_demo`: is
    the built-in demo the only channel? `metrics` is asked once the house stands. `more` are routes beside these."""

    async def landing(request: Request) -> Response:
        page = _TEMPLATES.get_template("landing.html")
        html = page.render(base=str(request.base_url).rstrip("/"), version=__version__, is_demo=is_demo())
        return HTMLResponse(html, headers=_SECURITY)

    async def stylesheet(request: Request) -> Response:
        css = Path(__file__).with_name("static").joinpath("style.css").read_text("utf-8")
        return PlainTextResponse(css, media_type="text/css", headers={"cache-control": "max-age=3600"})

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    async def readyz(request: Request) -> Response:
        state = health()
        return JSONResponse({"status": state}, status_code=200 if state in ("ready", "degraded") else 503)

    async def metrics_page(request: Request) -> Response:
        if not _is_local(request):
            return await _not_found(request, HTTPException(404))
        registry = CollectorRegistry()
        registry.register(metrics())
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    pages: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/": landing,
        "/api": landing,  # what a client asks first whose base URL ends in /api (Claude Code's HEAD, seen 2026-11)
        "/api/": landing,
        "/static/style.css": stylesheet,
        "/healthz": healthz,
        "/readyz": readyz,
        "/metrics": metrics_page,
    }
    return Starlette(
        routes=[*(Route(path, page, methods=["GET"]) for path, page in pages.items()), *more],
        exception_handlers={404: _not_found},
        lifespan=lifespan,
    )


def _is_local(request: Request) -> bool:
    """Metrics name channels and their traffic: only this machine may read them, and not through a proxy on it."""
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def _not_found(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": {"message": "There is nothing here.", "type": "not_found"}}, status_code=404)
