"""All that is no call of an API, as one Starlette application, on the same connections as the gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import Final, Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Lifespan

from torouter import __version__

__all__ = ["Health", "make_pages"]

Health = Literal["starting", "ready", "degraded", "refusing"]

_NO_ROBOTS: Final = "User-agent: *\nDisallow: /\n"
_API: Final = "/admin/v1"
"""What is called by programs only, whatever they say that they accept."""


def make_pages(
    *,
    health: Callable[[], Health],
    metrics: Callable[[], Collector],
    lifespan: Lifespan[Starlette],
    more: Sequence[BaseRoute] = (),
    nothing_here: Callable[[Request], Awaitable[Response]] | None = None,
) -> Starlette:
    """`health`: may this process be sent requests? `degraded` is, but goes by what it knew some time ago.
    `metrics` is asked once the house stands. `more` are routes beside these. `nothing_here` is what people are shown
    for an address that has no page; programs are told in JSON."""

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    async def readyz(request: Request) -> Response:
        state = health()
        return JSONResponse({"status": state}, status_code=200 if state in ("ready", "degraded") else 503)

    async def robots(request: Request) -> Response:
        return PlainTextResponse(_NO_ROBOTS)

    async def not_found(request: Request, error: Exception) -> Response:
        if nothing_here is None or not _is_persons(request):
            return _not_found()
        return await nothing_here(request)

    async def metrics_page(request: Request) -> Response:
        if not _is_local(request):
            return _not_found()
        registry = CollectorRegistry()
        registry.register(metrics())
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    pages: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/healthz": healthz,
        "/readyz": readyz,
        "/metrics": metrics_page,
        "/robots.txt": robots,
    }
    return Starlette(
        routes=[*(Route(path, page, methods=["GET"]) for path, page in pages.items()), *more],
        exception_handlers={404: not_found},
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


def _is_persons(request: Request) -> bool:
    """Browsers name HTML as what they would like; other programs name JSON, or take anything."""
    accepted = {kind.partition(";")[0].strip().lower() for kind in request.headers.get("accept", "").split(",")}
    is_asked = request.method in ("GET", "HEAD") and "text/html" in accepted
    return is_asked and not f"{request.url.path}/".startswith(f"{_API}/")


def _not_found() -> Response:
    return JSONResponse({"error": {"message": "There is nothing here.", "type": "not_found"}}, status_code=404)
