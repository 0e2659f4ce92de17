"""All that one process holds, put together, and what it does in the background."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final, NamedTuple

from torouter.access.admission import Doorkeeper
from torouter.access.following import Following, Process
from torouter.access.freshness import Freshness
from torouter.access.keyring import Keyring, Update
from torouter.access.rehearsal import Rehearsal
from torouter.access.reserving import Reserving
from torouter.accounts import Cipher, Keeping, KeptResponses, OwnRequests, derived_key, hash_key
from torouter.accounts.office.entrance import Entrance
from torouter.accounts.office.office import Office
from torouter.channels import KINDS, Channel
from torouter.channels.demo import answer as demo_answer
from torouter.codecs import CODECS
from torouter.config import ChannelSettings, FetchSettings, ResponsesSettings, Settings, VaultSettings, Watching
from torouter.config.report import report
from torouter.console.admin.routing_view import RoutingView
from torouter.console.portal import Sources
from torouter.errors import StoreError, TorouterError
from torouter.fleet import Discovery, Fleet, Rules
from torouter.fleet.fleet import Stored
from torouter.ledger.books import Books
from torouter.ledger.catalog import open_catalogue
from torouter.ledger.journal import Journal, recover
from torouter.ledger.meters import LocalMeters, Meters, SharedMeters
from torouter.ledger.newest_prices import NewestPrices, own_prices
from torouter.ledger.prices import PriceBook
from torouter.relay.continuity import Continuity
from torouter.relay.counters import Counters
from torouter.relay.elsewhere import Elsewhere
from torouter.relay.metrics import Channels, CountersCollector
from torouter.relay.run import Relay
from torouter.relay.tryout import Tryouts
from torouter.relay.turn import Keeper
from torouter.relay.vault import Vault
from torouter.relay.watch import Watch
from torouter.routing.fallbacks import Fallbacks
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Translations
from torouter.routing.tryouts import Tryout, Wanted
from torouter.store import PriceRow, Store
from torouter.surfaces.clients import Clients
from torouter.surfaces.cors import Cors
from torouter.surfaces.gateway import Gateway
from torouter.surfaces.kept import KeptSurface
from torouter.surfaces.requests import RequestSurface
from torouter.surfaces.stakes import Stakes
from torouter.surfaces.weighing import Weighing
from torouter.units import Dialect, wall_ms
from torouter.wire.asgi import ASGIApp
from torouter.wire.client import Client
from torouter.wire.fetch import Fetcher
from torouter.wire.memory import MemoryUpstream
from torouter.wire.public import is_public
from torouter.wire.server import Limits, sweep_connections
from torouter.wire.upstream import Upstream

__all__ = ["House", "translations"]

_log = logging.getLogger("torouter")

_MIB: Final = 1024 * 1024

_PRUNE_S: Final = 3600.0
_PRUNE_ROWS: Final = 1000
_PRUNE_REST_S: Final = 0.2
"""Between two bites: others want to write too."""
_DAY_MS: Final = 24 * 60 * 60 * 1000
_MINUTE_MS: Final = 60_000
_LIVE_MS: Final = 15_000
"""Who has not said for so long that it lives serves no longer."""
_LONGEST_WINDOW_MS: Final = 8 * _DAY_MS
"""A little more than the seven days of the longest request window."""

_FREE_KINDS: Final = tuple(kind.name for kind in KINDS.values() if kind.is_free)
_PROVIDERS: Final = {kind.name: kind.priced_as for kind in KINDS.values() if kind.priced_as is not None}


class News(NamedTuple):
    """`prices` and `stored` are `None` where they are what they were."""

    update: Update
    prices: PriceBook | None
    stored: Stored | None
    platforms: Mapping[str, str]


class House:
    """Everything one worker process holds. `open` reads the store, `run` keeps it going. `replica` is common to all
    workers of one start."""

    def __init__(self, settings: Settings, store: Store, pepper: bytes, pages: ASGIApp, replica: str) -> None:
        self._settings = settings
        self._store = store
        server = settings.server
        self._client = Client()
        self._fetcher = _fetcher(settings.fetch)
        self.counters = Counters()
        self._fleet = Fleet(settings.channels, settings.fallbacks, settings.upstream, pepper, translations())
        self._discovery = Discovery(self._client, self._learn_models)
        rules = Rules(lambda: self._fleet.named)
        self.office = Office(store, pepper, settings.admin_token, rules=rules)
        self._meters = _meters(settings, store)
        self.books = Books(
            store.write_entries,
            Journal(settings.data_dir / "journal"),
            forget=store.forget_segments,
            on_stored=self._meters.raise_spent,
        )
        self._vault = self._open_vault(settings.vault, pepper) if settings.vault.enabled else None
        self._catalogue = open_catalogue(settings.data_dir)
        self._price_rows: Sequence[PriceRow] | None = None
        self._prices = NewestPrices(self._price_book(()))
        self.doorkeeper = Doorkeeper(Keyring(), self._fleet.snapshot({}), partial(hash_key, pepper), wall_ms)
        self.freshness = Freshness(time.monotonic, settings.store.stale_s, settings.store.when_away)
        place = f"{socket.gethostname()} pid {os.getpid()}"
        process = Process(id=secrets.token_hex(8), place=place, replica=replica, started_ms=wall_ms())
        self._following = Following(store, process, self.freshness, self._read, self._apply)
        self._kept = KeptResponses(store, pepper, _keeping(settings.responses), wall_ms)
        memory = MemoryUpstream(demo_answer)
        upstreams: dict[str, Upstream] = {"http": self._client, "https": self._client, "memory": memory}
        planner = Planner(random.random)
        clock = asyncio.get_running_loop().time
        url = settings.redis.url
        self._watch = Watch(
            planner,
            lambda: self.doorkeeper.snapshot.channels,
            upstreams,
            lambda: len(store.live_processes(wall_ms() - _LIVE_MS)),
            None if url is None else url.reveal(),
        )
        continuity = Continuity(derived_key(pepper, "capsules"), self._vault)
        self._tryouts = Tryouts(
            upstreams=upstreams,
            continuity=continuity,
            fetcher=self._fetcher,
            translations=translations(),
            known=lambda name: self.doorkeeper.snapshot.discovered.get(name, ()),
            clock=clock,
        )
        self.routing = RoutingView(
            doorkeeper=self.doorkeeper,
            planner=planner,
            held=self._watch.openings.of,
            reset_channel=self._watch.reset,
            try_out=self._try_out,
            place=place,
            clock=clock,
            loop=asyncio.get_running_loop(),
        )
        reserving = Reserving(
            self._meters,
            wall_ms,
            is_strict=settings.limits.strict,
            on_hangup=settings.limits.on_hangup,
            balance_status=settings.errors.insufficient_balance,
        )
        stakes = Stakes(self._prices, wall_ms, settings.prices.unknown)
        self.portal = Sources(
            entrance=Entrance(store, pepper, rules=rules),
            snapshot=lambda: self.doorkeeper.snapshot,
            prices=lambda: self._prices.book,
            routing=self.routing,
            is_demo=lambda: self._fleet.is_demo,
            unknown_price=settings.prices.unknown,
            rehearsal=Rehearsal(
                self.doorkeeper,
                reserving,
                Weighing(self.doorkeeper, reserving, stakes).foretell,
                wall_ms,
                asyncio.get_running_loop(),
            ),
            running=report(settings),
            in_flight=lambda: self.counters.in_flight,
        )
        self._relay = Relay(
            upstreams=upstreams,
            books=self.books,
            continuity=continuity,
            counters=self.counters,
            keeper=Keeper(self._kept, is_default=settings.responses.keep, body_limit_bytes=server.body_limit_mb * _MIB),
            max_switches=settings.upstream.max_switches,
            max_attempts=settings.upstream.max_attempts,
            retry_s=settings.upstream.retry_s,
            clock=clock,
            planner=planner,
            fetcher=self._fetcher,
            prices=self._prices,
            meters=self._meters,
            drain_s=settings.limits.drain_s,
        )
        self.metrics = CountersCollector(
            self.counters,
            self.books,
            Channels(planner, lambda: self.doorkeeper.snapshot, clock, self._relay.waiting_at),
        )
        self.gateway = Gateway(
            doorkeeper=self.doorkeeper,
            reserving=reserving,
            stakes=stakes,
            clients=Clients(server.trusted_proxies),
            freshness=self.freshness,
            relay=self._relay,
            kept=KeptSurface(self._kept, Elsewhere(upstreams)),
            requests=RequestSurface(OwnRequests(store, self.books.waiting_entries)),
            pages=pages,
            limits=Limits(
                body_bytes=server.body_limit_mb * _MIB, head_s=server.header_timeout_s, body_s=server.body_timeout_s
            ),
            cors=Cors(server.cors_origins),
            is_strict=settings.translation.strict,
        )

    async def open(self) -> None:
        """What dead processes have left is stored first, so that what is read then is all that was spent."""
        directory = self._settings.data_dir / "journal"
        await asyncio.to_thread(recover, directory, self._store.write_entries)
        await asyncio.to_thread(self._following.begin)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Background work, as long as the context lasts; then what was settled is stored and connections closed."""
        with suppress(StoreError):  # `run` tells of it
            await self._meters.open()
        background = [
            self._meters.run(),
            self._kept.run(),
            *(vault.run() for vault in (self._vault,) if vault is not None),
            self._prune(),
            sweep_connections(self.gateway.connections),
            self._discovery.run(),
            *(watching.run() for watching in self._watching()),
            self._watch.run(),
        ]
        tasks = [asyncio.create_task(work) for work in background]
        booking = asyncio.create_task(self.books.run())
        self._following.start(asyncio.get_running_loop())
        try:
            yield
        finally:
            await _end(tasks)
            await _end([booking])
            await asyncio.to_thread(self._following.stop)
            await self._meters.close()
            await self._client.close()
            if self._fetcher is not None:
                await self._fetcher.close()

    def _watching(self) -> Iterable[Watching]:
        """Of the configuration file, where there is one."""
        if (path := self._settings.config_file) is not None:
            yield Watching(path, os.environ, self._settings, self.set_file_channels)

    def set_file_channels(self, channels: tuple[ChannelSettings, ...], fallbacks: Mapping[str, Fallbacks]) -> None:
        """What the configuration says now, in force for the next request. On the event loop. Raises `ConfigError`, and
        then all is as it was."""
        self._fleet.declare(channels, fallbacks)
        self._swap(self.doorkeeper.snapshot.discovered)

    async def _try_out(self, wanted: Wanted) -> Tryout:
        """Enabled or not. Raises `StoreError` (`not_found`)."""
        if not wanted.channel_id:
            declared = self._fleet.declared_channel(wanted.name)
            if declared is None:
                raise StoreError(f"The configuration has no channel {wanted.name}.", kind="not_found")
            return await self._tryouts.ask(declared, wanted)
        row = await asyncio.to_thread(self._store.get_channel, wanted.channel_id)
        if row.deleted_ms is not None:
            raise StoreError(f"Channel {row.id} was deleted.", kind="not_found")
        try:
            channel = self._fleet.open(row)
        except TorouterError as error:
            return Tryout(finding="not_opened", channel=row.name, message=error.message)
        return await self._tryouts.ask(channel, wanted)

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

    def _read(self, revision: int) -> tuple[int, News]:
        """Prices are read last: they may be newer than the revision says, and never older."""
        changes = self._store.changes_since(revision)
        update = self.doorkeeper.keyring.prepare(changes, is_whole=revision == 0)
        stored = None if changes.channels is None else self._fleet.open_stored(changes.channels)
        platforms = {row.name: row.platform for row in changes.groups if row.platform and row.deleted_ms is None}
        rows = self._store.list_prices()
        if rows == self._price_rows:
            return changes.revision, News(update, None, stored, platforms)
        book = self._price_book(rows)
        self._price_rows = rows
        return changes.revision, News(update, book, stored, platforms)

    def _apply(self, news: News) -> None:
        """All of it between two requests: none sees a part."""
        self.doorkeeper.apply(news.update)
        if news.prices is not None:
            self._prices.book = news.prices
        if news.stored is not None or news.platforms != self._fleet.platforms:
            self._fleet.stored = self._fleet.stored if news.stored is None else news.stored
            self._fleet.platforms = news.platforms
            self._swap(self.doorkeeper.snapshot.discovered)

    def _price_book(self, rows: Sequence[PriceRow]) -> PriceBook:
        return PriceBook(self._catalogue, own_prices(rows), free_kinds=_FREE_KINDS, providers=_PROVIDERS)

    async def _prune(self) -> None:
        """Old usage goes, a little at a time, and its sums by hour; those by day stay. The minutes of request windows
        go when no window holds them, and answers to what was done once when they have expired."""
        days = self._settings.store.retention_days
        while True:
            now_ms = wall_ms()
            if days:
                before_ms = now_ms - days * _DAY_MS
                await self._bite(partial(self._store.prune_usage, before_ms, _PRUNE_ROWS))
                await self._bite(partial(self._store.prune_hours, before_ms, _PRUNE_ROWS))
            last_minute = (now_ms - _LONGEST_WINDOW_MS) // _MINUTE_MS
            await self._bite(partial(self._store.prune_minutes, last_minute, _PRUNE_ROWS))
            await self._bite(partial(self._store.prune_done, now_ms, _PRUNE_ROWS))
            await asyncio.sleep(_PRUNE_S * random.uniform(0.8, 1.2))  # noqa: S311  # so that workers do not meet

    async def _bite(self, prune: Callable[[], int]) -> None:
        try:
            pruned = _PRUNE_ROWS
            while pruned >= _PRUNE_ROWS:
                pruned = await asyncio.to_thread(prune)
                await asyncio.sleep(_PRUNE_REST_S)
        except TorouterError as error:
            _log.error("old rows not removed error=%s", error.message)

    def _learn_models(self, channel: Channel, names: tuple[str, ...]) -> None:
        self._swap({**self.doorkeeper.snapshot.discovered, channel.name: names})

    def _swap(self, discovered: Mapping[str, tuple[str, ...]]) -> None:
        """Requests that have begun keep the snapshot that they began with."""
        self.doorkeeper.snapshot = snapshot = self._fleet.snapshot(discovered)
        self._discovery.follow(snapshot.channels)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def _meters(settings: Settings, store: Store) -> Meters:
    """In memory where one process serves alone, else in Redis."""
    url = settings.redis.url
    if url is None:
        return LocalMeters(read_spent=store.read_spent, read_minutes=store.read_minutes)
    return SharedMeters(
        url.reveal(),
        read_spent=store.read_spent,
        read_minutes=store.read_minutes,
        when_away=settings.redis.when_away,
    )


def _keeping(settings: ResponsesSettings) -> Keeping:
    return Keeping(
        ttl_s=settings.ttl_s,
        limit_bytes=settings.limit_mb * _MIB,
        account_limit_bytes=settings.account_limit_mb * _MIB,
    )


def translations() -> Translations:
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
