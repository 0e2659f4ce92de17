"""The one place where the house is put together, without import side effects, and where its processes are run.

uvicorn owns the process: sockets, signals, workers, lifespan. The lifespan builds a `House` on the worker's own event
loop and hands the gateway to the server adapter through the lifespan's state.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from torouter.access.admission import Doorkeeper
from torouter.access.keys import keys_of
from torouter.accounts import Announcement, Cipher, Keeping, KeptResponses, derived_key, hash_key, load_pepper
from torouter.channels import Channel, read_models
from torouter.channels.demo import answer as demo_answer
from torouter.codecs import CODECS
from torouter.config import FetchSettings, ResponsesSettings, Settings, VaultSettings
from torouter.console.pages import make_pages
from torouter.errors import ConfigError, TorouterError
from torouter.ledger.books import Books
from torouter.ledger.journal import Journal, recover
from torouter.relay.continuity import Continuity
from torouter.relay.counters import Counters
from torouter.relay.elsewhere import Elsewhere
from torouter.relay.metrics import CountersCollector
from torouter.relay.run import Relay
from torouter.relay.turn import Keeper
from torouter.relay.vault import Vault
from torouter.routing.snapshot import Key, Snapshot, Translations
from torouter.store import Store
from torouter.surfaces.cors import Cors
from torouter.surfaces.gateway import Gateway
from torouter.surfaces.kept import KeptSurface
from torouter.units import Dialect, RequestIds, wall_ms
from torouter.wire.client import Client
from torouter.wire.fetch import Fetcher
from torouter.wire.memory import MemoryUpstream
from torouter.wire.public import is_public
from torouter.wire.server import Connection, Limits, sweep_connections
from torouter.wire.upstream import Upstream

__all__ = ["create_app", "serve"]

_log = logging.getLogger("torouter")

_REFRESH_S: Final = 0.5
_REDISCOVER_S: Final = 600.0
_RETRY_DISCOVERY_S: Final = 30.0
_MODELS_LIMIT_BYTES: Final = 8 * 1024 * 1024
_BACKLOG: Final = 2048
_MIB: Final = 1024 * 1024


class House:
    """Everything one worker process holds. Made by `create_app`'s lifespan; `run` keeps it going."""

    def __init__(self, settings: Settings, store: Store, pepper: bytes, pages: Starlette) -> None:
        self._store = store
        self._revision = store.revision()
        server = settings.server
        channels = tuple(channel.open(settings.upstream.deadlines) for channel in settings.channels)
        self._client = Client()
        self._fetcher = _fetcher(settings.fetch)
        self.counters = Counters()
        self.books = Books(store.write_entries, Journal(settings.data_dir / "journal"), forget=store.forget_segments)
        self._vault = self._open_vault(settings.vault, pepper) if settings.vault.enabled else None
        self.doorkeeper = Doorkeeper(
            Snapshot(keys=self._keys(), channels=channels, translations=_translations()),
            partial(hash_key, pepper),
            wall_ms,
        )
        self._kept = KeptResponses(store, pepper, _keeping(settings.responses), wall_ms)
        memory = MemoryUpstream(demo_answer)
        upstreams: dict[str, Upstream] = {"http": self._client, "https": self._client, "memory": memory}
        self._relay = Relay(
            upstreams=upstreams,
            books=self.books,
            continuity=Continuity(derived_key(pepper, "capsules"), self._vault),
            counters=self.counters,
            keeper=Keeper(self._kept, is_default=settings.responses.keep, body_limit_bytes=server.body_limit_mb * _MIB),
            max_switches=settings.upstream.max_switches,
            clock=asyncio.get_running_loop().time,
            draw=random.random,
            fetcher=self._fetcher,
        )
        self.gateway = Gateway(
            doorkeeper=self.doorkeeper,
            relay=self._relay,
            kept=KeptSurface(self._kept, Elsewhere(upstreams)),
            pages=pages,
            limits=Limits(
                body_bytes=server.body_limit_mb * _MIB, head_s=server.header_timeout_s, body_s=server.body_timeout_s
            ),
            cors=Cors(server.cors_origins),
            is_strict=settings.translation.strict,
        )

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Background work, as long as the context lasts; then usage rows are flushed and connections closed."""
        tasks = [
            asyncio.create_task(self.books.run()),
            asyncio.create_task(self._kept.run()),
            *(asyncio.create_task(vault.run()) for vault in (self._vault,) if vault is not None),
            asyncio.create_task(self._refresh()),
            asyncio.create_task(sweep_connections(self.gateway.connections)),
            *(asyncio.create_task(self._discover(channel)) for channel in self.doorkeeper.snapshot.channels),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
            await self._client.close()
            if self._fetcher is not None:
                await self._fetcher.close()

    def _open_vault(self, settings: VaultSettings, pepper: bytes) -> Vault:
        return Vault(
            cipher=Cipher(pepper, "vault"),
            ttl_s=settings.ttl_s,
            memory_bytes=settings.memory_mb * _MIB,
            read=self._store.find_state,
            write=self._store.keep_state,
            tidy=partial(self._store.tidy_state, most_rows=settings.rows),
            now_ms=wall_ms,
        )

    def _keys(self) -> dict[bytes, Key]:
        return keys_of(self._store.access_rows())

    async def _refresh(self) -> None:
        """Follows changes of keys, groups and accounts, whichever process makes them."""
        while True:
            await asyncio.sleep(_REFRESH_S)
            try:
                revision = await asyncio.to_thread(self._store.revision)
                if revision != self._revision:
                    self._swap(keys=await asyncio.to_thread(self._keys))
                    self._revision = revision
            except TorouterError as error:
                _log.error("store is not readable error=%s", error.message)

    async def _discover(self, channel: Channel) -> None:
        """Learns the model names of a channel that declares none. Failing costs only the listing."""
        while (request := channel.discovery()) is not None:
            try:
                response = await self._client.send(request)
                try:
                    names = tuple(read_models(await response.read(_MODELS_LIMIT_BYTES)))
                finally:
                    response.close()
            except TorouterError as error:
                _log.info("models not discovered channel=%s error=%s", channel.name, error.message)
                await asyncio.sleep(_RETRY_DISCOVERY_S)
            else:
                _log.info("models discovered channel=%s count=%d", channel.name, len(names))
                self._swap(discovered={**self.doorkeeper.snapshot.discovered, channel.name: names})
                await asyncio.sleep(_REDISCOVER_S)

    def _swap(
        self, *, keys: Mapping[bytes, Key] | None = None, discovered: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        old = self.doorkeeper.snapshot
        self.doorkeeper.snapshot = Snapshot(
            keys=old.keys if keys is None else keys,
            channels=old.channels,
            translations=old.translations,
            discovered=old.discovered if discovered is None else discovered,
        )


def create_app(settings: Settings) -> Starlette:
    """The application that uvicorn loads in every worker. Its pages also carry the lifespan of the whole house."""
    houses: list[House] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        with await asyncio.to_thread(Store.open, settings.data_dir) as store:
            await asyncio.to_thread(recover, settings.data_dir / "journal", store.write_entries)
            house = House(settings, store, load_pepper(settings.data_dir, os.environ, may_create=False), app)
            async with house.run():
                houses.append(house)
                gc.collect()
                gc.freeze()  # what stands now stands until the end: no collection need look at it again
                yield {"site": house.gateway, "request_ids": RequestIds()}
                houses.remove(house)

    return make_pages(
        is_ready=lambda: bool(houses),
        is_demo=lambda: settings.is_demo,
        metrics=lambda: CountersCollector(houses[0].counters, houses[0].books),
        lifespan=lifespan,
    )


def serve(settings: Settings, announcement: Announcement) -> int:
    """Serves until SIGTERM or SIGINT; running requests get the grace time. Returns the exit code."""
    _configure_logging()
    listener = _listen(settings.server.host, settings.server.port)
    _announce(announcement, _url(settings.server.host, listener.getsockname()[1]))
    config = uvicorn.Config(
        partial(create_app, settings),
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


def _keeping(settings: ResponsesSettings) -> Keeping:
    return Keeping(
        ttl_s=settings.ttl_s,
        limit_bytes=settings.limit_mb * _MIB,
        account_limit_bytes=settings.account_limit_mb * _MIB,
    )


def _translations() -> Translations:
    """Every pair of dialects that can be translated."""
    able: list[Dialect] = [dialect for dialect, codec in CODECS.items() if codec.translation is not None]
    return {client: tuple(upstream for upstream in able if upstream != client) for client in able}


def _fetcher(settings: FetchSettings) -> Fetcher | None:
    if not settings.enabled:
        return None
    return Fetcher(
        size_bytes=settings.size_mb * _MIB,
        timeout_s=settings.timeout_s,
        may_reach=None if settings.private_networks else is_public,
    )


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
