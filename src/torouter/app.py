"""The processes: what may serve, how it is run, and what it says when it does. No import has side effects.

uvicorn owns the process: sockets, signals, workers, lifespan. The lifespan builds a `House` on the worker's own event
loop and hands the gateway to the server adapter through the lifespan's state.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from torouter.access.replicas import alone_in, await_alone
from torouter.accounts import Announcement, load_pepper
from torouter.config import Settings, check_sharing
from torouter.console.admin import admin_routes
from torouter.console.pages import Health, make_pages
from torouter.console.portal import Site
from torouter.errors import ConfigError
from torouter.house import House
from torouter.ledger.catalog import open_catalogue
from torouter.store import Store
from torouter.units import RequestIds
from torouter.wire.server import Connection

__all__ = ["create_app", "serve"]

_BACKLOG: Final = 2048
_COLLECT_AFTER: Final = 50_000
"""New objects that stay. Requests leave no cycles, and what they leave (rows on their way to the store) is gone in a
moment: looking at it every 700 objects took a tenth of a JSON request's CPU time."""


def create_app(settings: Settings, replica: str) -> Starlette:
    """The application that uvicorn loads in every worker. Its pages also carry the lifespan of the whole house.
    `replica` is common to the workers of one start."""
    houses: list[House] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        with await asyncio.to_thread(Store.open, settings.data_dir, settings.store.database) as store:
            pepper = load_pepper(settings.data_dir, os.environ, may_create=False)
            house = House(settings, store, pepper, app, replica)
            await house.open()
            async with house.run():
                houses.append(house)
                gc.collect()
                gc.freeze()  # what stands now stands until the end: no collection need look at it again
                gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
                yield {"site": house.gateway, "request_ids": RequestIds()}
                houses.remove(house)

    def health() -> Health:
        if not houses:
            return "starting"
        freshness = houses[0].freshness
        return "refusing" if freshness.is_refusing else "degraded" if freshness.is_stale else "ready"

    portal = Site(lambda: houses[0].portal if houses else None)
    return make_pages(
        health=health,
        metrics=lambda: houses[0].metrics,
        lifespan=lifespan,
        more=[
            *admin_routes(
                lambda: houses[0].office if houses else None,
                lambda: houses[0].routing if houses else None,
            ),
            *portal.routes,
        ],
        nothing_here=portal.nothing_here,
    )


def serve(settings: Settings, announcement: Announcement) -> int:
    """Serves until SIGTERM or SIGINT; running requests get the grace time. Returns the exit code. Raises `ConfigError`
    where others serve that would have to be asked what they admit, and cannot be."""
    _configure_logging()
    check_sharing(settings)
    with alone_in(settings.data_dir) if settings.redis.url is None else nullcontext():
        replica = secrets.token_hex(8)
        if settings.redis.url is None and settings.store.database is not None:
            with Store.open(settings.data_dir, settings.store.database) as store:
                await_alone(store, replica)
        open_catalogue(settings.data_dir)  # so that it is there for every worker, made once
        return _serve(settings, announcement, replica)


def _serve(settings: Settings, announcement: Announcement, replica: str) -> int:
    listener = _listen(settings.server.host, settings.server.port)
    _announce(announcement, _url(settings.server.host, listener.getsockname()[1]))
    config = uvicorn.Config(
        partial(create_app, settings, replica),
        factory=True,
        http=Connection,
        ws="none",
        loop="uvloop",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        workers=settings.server.workers,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=max(1, round(settings.server.grace_s)),
    )
    # uvicorn raises the signal again after its clean shutdown; ours then say that this was a normal end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with listener:
        if settings.server.workers > 1:
            Multiprocess(config, [listener]).run()
            return 0
        server = uvicorn.Server(config)
        server.run([listener])
        return 0 if server.started else 1


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket: connections are queued from now on, and answered when the house stands."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"Cannot listen on {host} port {port}: {error.strerror}. Choose another with --host and --port."
        ) from error


def _url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def _announce(announcement: Announcement, url: str) -> None:
    """On standard output, for people and for scripts that wait for the first line."""
    key = announcement.key or "$TOROUTER_KEY"
    lines = [f"ToRouter is listening on {url}", ""]
    if announcement.key is not None:
        lines.append(f"Key (shown once): {announcement.key}")
    elif announcement.key_origin == "given":
        lines.append("Key: the one in TOROUTER_FIRST_KEY.")
    else:
        lines.append("Key: made at an earlier start, and not shown again. Make another with `torouter key create`.")
    if announcement.setup_token is not None:
        lines += ["", "Choose a password and sign in:", f"  {url}/setup?token={announcement.setup_token}"]
    else:
        lines += ["", f"Sign in: {url}/sign-in"]
    lines += ["", "Channels:", *(f"  {channel}" for channel in announcement.channels)]
    if announcement.is_demo:
        lines.append("  No provider key was found, so the built-in demo answers.")
    lines += ["", "Try it:", *_calls(url, key)]
    print("\n".join(lines), flush=True)  # the announcement is what this command prints


def _calls(url: str, key: str) -> list[str]:
    json_type = '-H "Content-Type: application/json"'
    return [
        f'  curl {url}/v1/chat/completions -H "Authorization: Bearer {key}" {json_type} \\',
        """    -d '{"model":"gpt-5","messages":[{"role":"user","content":"hi"}]}'""",
        f'  curl {url}/v1/messages -H "x-api-key: {key}" -H "anthropic-version: 2023-06-01" {json_type} \\',
        """    -d '{"model":"claude-opus-4-7","max_tokens":256,"messages":[{"role":"user","content":"hi"}]}'""",
        f'  curl "{url}/v1beta/models/gemini-3-flash-preview:generateContent?key={key}" {json_type} \\',
        """    -d '{"contents":[{"parts":[{"text":"hi"}]}]}'""",
    ]


def _configure_logging() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("uvicorn", "torouter.wire.websocket"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # A connection that the database has ended is a traceback there, and our own `StoreError` says it in a sentence.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
