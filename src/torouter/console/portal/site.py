"""The pages as routes: one way for all of them from a request to an answer."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from torouter.accounts.office.entrance import Session
from torouter.console.portal.assets import Assets
from torouter.console.portal.doors import Doors
from torouter.console.portal.fields import read_form, read_query
from torouter.console.portal.render import HEADERS, Pages
from torouter.console.portal.routes import NOWHERE, PAGES, Page
from torouter.console.portal.sources import Sources
from torouter.console.portal.threads import Threads
from torouter.console.portal.tryouts import Tryouts
from torouter.console.portal.views import preferences
from torouter.console.portal.visit import Visit, cookie_name
from torouter.console.portal.words import LANGUAGES, Words, language_for
from torouter.errors import AccessError, InternalError, StoreError, TorouterError

__all__ = ["Site", "portal_routes"]

_log = logging.getLogger("torouter.portal")

_CONFIRM_S: Final = 10.0
"""How long a change waits for every process to work by it."""
_KEEP_S: Final = 120.0
"""How long a test call that was made is shown again."""


class Site:
    """For the application that serves the pages. `sources` are asked for at each call: `None` until the store is
    open."""

    def __init__(
        self,
        sources: Callable[[], Sources | None],
        *,
        confirm_s: float = _CONFIRM_S,
        doors: Doors | None = None,
    ) -> None:
        assets = Assets()
        portal = _Portal(
            sources,
            Pages(assets),
            doors or Doors(time.monotonic),
            confirm_s,
        )
        self._portal = portal
        self.routes: list[BaseRoute] = [
            *assets.routes(),
            *(Route(page.path, _Endpoint(page, portal), methods=None) for page in PAGES),
        ]

    async def nothing_here(self, request: Request) -> Response:
        """A page, with ways on, for an address that has none."""
        return await self._portal.answer(NOWHERE, request)


def portal_routes(sources: Callable[[], Sources | None], **options: Any) -> list[BaseRoute]:
    return Site(sources, **options).routes


class _Endpoint:
    def __init__(self, page: Page, portal: _Portal) -> None:
        self._page = page
        self._portal = portal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method not in (*self._page.methods, *(["HEAD"] if "GET" in self._page.methods else [])):
            allowed = {"allow": ", ".join(self._page.methods)}
            response: Response = PlainTextResponse("Method not allowed", 405, HEADERS | allowed)
        else:
            response = await self._portal.answer(self._page, request)
        await response(scope, receive, send)


class _Portal:
    def __init__(self, sources: Callable[[], Sources | None], pages: Pages, doors: Doors, confirm_s: float) -> None:
        self._sources = sources
        self._pages = pages
        self._doors = doors
        self._tryouts = Tryouts(_KEEP_S, time.monotonic)
        self._confirm_s = confirm_s
        self._threads = Threads()
        self._words = {language: Words.read(language) for language in LANGUAGES}

    async def answer(self, page: Page, request: Request) -> Response:
        sources = self._sources()
        if sources is None:
            return PlainTextResponse("The gateway is starting.", 503, {**HEADERS, "retry-after": "1"})
        visit = self._visit(request, sources)
        try:
            session = await self._session(request, sources)
            visit = replace(visit, session=session)
            if page.who != "anyone" and session is None:
                return _to_sign_in(request)
            if page.who == "admin" and session is not None and not session.is_admin:
                raise AccessError("This page is the operator's.")
            visit = replace(visit, query=read_query(request))
            if request.method == "POST":
                _check_origin(request)
                visit = replace(visit, form=await read_form(request))
                _check_form(page, visit)
            handle = partial(page.handle, visit)
            work = self._threads.wait(handle) if page.is_long else self._threads.work(handle, is_slow=page.is_slow)
            return _sealed(await work)
        except Exception as error:  # every fault has a page, in one form
            return _sealed(await self._threads.work(partial(_refusal, visit, error, _request_id(request))))

    async def _session(self, request: Request, sources: Sources) -> Session | None:
        token = request.cookies.get(cookie_name(request.url.scheme == "https"), "")
        return await self._threads.work(partial(sources.entrance.find, token)) if token else None

    def _visit(self, request: Request, sources: Sources) -> Visit:
        language = language_for(
            request.cookies.get(preferences.LANGUAGE_COOKIE), request.headers.get("accept-language", "")
        )
        theme = request.cookies.get(preferences.THEME_COOKIE, "")
        return Visit(
            sources=sources,
            method="GET" if request.method == "HEAD" else request.method,
            path=request.url.path,
            query={},
            form={},
            target=str(request.path_params.get("target", "")),
            part=str(request.path_params.get("part", "")),
            base=str(request.base_url).rstrip("/"),
            address="" if request.client is None else request.client.host,
            is_secure=request.url.scheme == "https",
            words=self._words[language],
            theme=theme if theme in preferences.THEMES else "",
            session=None,
            doors=self._doors,
            tryouts=self._tryouts,
            confirm_s=self._confirm_s,
            renderer=self._pages,
        )


def _to_sign_in(request: Request) -> Response:
    """And back again; of a form, to the page that it stood on, which is asked for anew."""
    wanted = request.url.path
    if request.method != "POST" and request.url.query:
        wanted = f"{wanted}?{request.url.query}"
    told = "&told=expired" if request.cookies.get(cookie_name(request.url.scheme == "https")) else ""
    return _sealed(RedirectResponse(f"/sign-in?next={quote(wanted, safe='')}{told}", status_code=303))


def _check_origin(request: Request) -> None:
    """Forms come from pages of this host. A browser says so; what says nothing at all is none, and has no cookies that
    it did not mean to send."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        is_ours = site == "same-origin"
    elif origin is not None:
        is_ours = origin.partition("://")[2].lower() == request.headers.get("host", "").lower()
    else:
        is_ours = True
    if not is_ours:
        raise AccessError("This form was sent from another site.", code="other_site")


def _check_form(page: Page, visit: Visit) -> None:
    if page.who == "anyone":
        return
    given = visit.form.get("csrf", "")
    if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), visit.signed.csrf.encode()):
        raise AccessError("This form is not of your session, or no longer. Go back, reload and try again.", code="csrf")


def _sealed(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _refusal(visit: Visit, error: Exception, request_id: str) -> Response:
    """What is not ours to show is logged instead, under the request's id."""
    shown = _shown(error, request_id)
    response = visit.page(
        "error.html", shown.status, shown_status=shown.status, kind=_kind(shown), request_id=request_id
    )
    if shown.retry_after_s is not None:
        response.headers["retry-after"] = str(max(1, round(shown.retry_after_s)))
    return response


def _kind(error: TorouterError) -> str:
    if error.code in ("csrf", "other_site"):
        return error.code
    kinds: Mapping[int, str] = {403: "forbidden", 404: "not_found", 409: "conflict", 429: "too_often", 503: "away"}
    return kinds.get(error.status, "fault" if error.status >= 500 else "bad_request")


def _shown(error: Exception, request_id: str) -> TorouterError:
    if isinstance(error, StoreError) and error.kind not in ("not_found", "conflict", "bad_request"):
        _log.error("store is not usable request_id=%s error=%s", request_id, error.message)
        return StoreError("The store cannot be used right now.", kind="overloaded", retry_after_s=1)
    if isinstance(error, TorouterError):
        return error
    _log.error("fault request_id=%s", request_id, exc_info=error)
    return InternalError("Something went wrong in the gateway.")


def _request_id(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))
