"""The endpoints as routes: one way for all of them from a request to an answer."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send

from torouter.accounts.office.office import Office, waiting_for
from torouter.console.admin.call import Call, Endpoint
from torouter.console.admin.gate import OPEN_PATHS, Gate
from torouter.console.admin.openapi import document
from torouter.console.admin.reading import read_body, read_id, read_query, read_text
from torouter.console.admin.refusals import HEADERS, JSON, refusal, respond
from torouter.console.admin.repeating import handle_once, read_name
from torouter.console.admin.reports import REPORTS
from torouter.console.admin.resources import RESOURCES
from torouter.console.admin.routing import ROUTING
from torouter.console.admin.routing_view import RoutingView
from torouter.console.admin.shapes import Answer, Changed, Page
from torouter.console.admin.threads import Threads
from torouter.console.admin.throttle import Throttle
from torouter.errors import RequestError, TorouterError

__all__ = ["ENDPOINTS", "PREFIX", "admin_routes"]

PREFIX: Final = "/admin/v1"
ENDPOINTS: Final[tuple[Endpoint, ...]] = (*RESOURCES, *REPORTS, *ROUTING)

_CONFIRM_S: Final = 10.0
"""How long a change waits for every process to work by it."""
_MOST_FAILURES: Final = 10
_FAILURE_WINDOW_S: Final = 60.0


def admin_routes(
    office: Callable[[], Office | None],
    routing: Callable[[], RoutingView | None],
    *,
    confirm_s: float = _CONFIRM_S,
    throttle: Throttle | None = None,
) -> list[BaseRoute]:
    """For the application that serves the pages. `office` and `routing` are asked at each call: `None` until the house
    stands."""
    threads = Threads()
    gate = Gate(office, throttle or Throttle(_MOST_FAILURES, _FAILURE_WINDOW_S, time.monotonic), threads)
    by_path: defaultdict[str, dict[str, Endpoint]] = defaultdict(dict)
    for endpoint in ENDPOINTS:
        by_path[endpoint.path][endpoint.method] = endpoint
    routes = [
        Route(path, _Resource(endpoints, gate, threads, routing, confirm_s), methods=None, name=path)
        for path, endpoints in by_path.items()
    ]
    routes.append(Route(OPEN_PATHS[0].removeprefix(PREFIX), _openapi, methods=None))
    mount = Mount(PREFIX, app=Router(routes, redirect_slashes=False, default=_Nothing(gate)))
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)  # a path may hold line breaks
    return [mount]


def _openapi(request: Request) -> Response:
    """In a thread: see `_described`."""
    if request.method not in ("GET", "HEAD"):
        return _wrong_method(["GET", "HEAD"], request)
    return Response(_described(), headers=HEADERS, media_type=JSON)


@cache
def _described() -> bytes:
    """Made when it is first asked for: it takes a tenth of a second, which no start need wait for."""
    return document(PREFIX, ENDPOINTS)


class _Resource:
    """One path with its methods."""

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        gate: Gate,
        threads: Threads,
        routing: Callable[[], RoutingView | None],
        confirm_s: float,
    ) -> None:
        self._endpoints = endpoints
        self._gate = gate
        self._threads = threads
        self._routing = routing
        self._confirm_s = confirm_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Exception as error:  # every fault has an answer, in one form
            response = refusal(error, _request_id(request))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        desk = await self._gate.admit(request)
        endpoint = self._endpoints.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            allowed = [*self._endpoints, *(["HEAD"] if "GET" in self._endpoints else [])]
            return _wrong_method(allowed, request)
        target, part = _targets(request)
        call = Call(
            desk,
            target=target,
            part=part,
            query=read_query(request.scope["query_string"], endpoint.query),
            body=None if endpoint.body is None else await read_body(request, endpoint.body),
            routing=self._routing(),
        )
        work = self._threads.wait if endpoint.is_long else self._threads.work
        name = read_name(request) if endpoint.may_be_repeated else None
        handle = partial(endpoint.handle, call) if name is None else partial(handle_once, endpoint, call, name)
        found = await work(handle)
        return await self._finish(endpoint, call, found, is_head=request.method == "HEAD")

    async def _finish(self, endpoint: Endpoint, call: Call, found: Any, *, is_head: bool) -> Response:
        if endpoint.shape == "csv":
            name, pieces = found
            pieces = iter(()) if is_head else pieces
            disposition = {"content-disposition": f'attachment; filename="{name}"'}
            return StreamingResponse(self._read(pieces), headers=HEADERS | disposition, media_type="text/csv")
        if endpoint.shape == "page":
            rows, following = found
            return respond(Page(data=list(rows), next=following))
        if endpoint.shape == "one":
            return respond(Answer(data=found))
        waiting = await self._threads.wait(partial(waiting_for, call.desk, self._confirm_s))
        return respond(Changed(data=found, in_force=not waiting, waiting_for=waiting), endpoint.status)

    async def _read(self, pieces: Iterator[str]) -> AsyncIterator[str]:
        while (piece := await self._threads.work(partial(next, pieces, None))) is not None:
            yield piece


class _Nothing:
    """Paths that are not there: who may not be here does not learn which those are."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            await self._gate.admit(request)
            raise TorouterError("There is nothing here.", kind="not_found")
        except Exception as error:
            response = refusal(error, _request_id(request))
        await response(scope, receive, send)


def _targets(request: Request) -> tuple[int | str | None, int | str | None]:
    """In the order of the path."""
    read = [
        read_text(text, param) if param == "request_id" else read_id(text, param)
        for param, text in request.path_params.items()
    ]
    target, part, *_ = (*read, None, None)
    return target, part


def _wrong_method(allowed: list[str], request: Request) -> Response:
    error = RequestError(f"This path does not take {request.method}.", status=405, code="method_not_allowed")
    response = refusal(error, _request_id(request))
    response.headers["allow"] = ", ".join(allowed)
    return response


def _request_id(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))
