"""A gateway on a socket with upstreams in memory: each channel is a function from request to reply."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace
from starlette.applications import Starlette

from tests.wire.serving import serving
from torouter.access.admission import Admission, Doorkeeper
from torouter.access.freshness import Freshness
from torouter.access.keyring import Account, Group, Key, Keyring, Subscription
from torouter.access.reserving import Reserving
from torouter.access.terms import Terms
from torouter.channels import KINDS, Channel, Credential, Policy
from torouter.codecs import CODECS
from torouter.ledger.books import Books, Entry, UsageRow
from torouter.ledger.listed import Catalogue
from torouter.ledger.meters import LocalMeters, Meters
from torouter.ledger.prices import PriceBook, UnknownPrice
from torouter.relay.call import Call
from torouter.relay.continuity import Continuity
from torouter.relay.counters import Counters
from torouter.relay.elsewhere import Elsewhere
from torouter.relay.observing import Observer
from torouter.relay.others import NO_OTHERS, Others
from torouter.relay.run import Relay
from torouter.relay.settling import Prices
from torouter.relay.turn import Keeper, Shelf
from torouter.relay.vault import Vault
from torouter.routing.fallbacks import Fallbacks
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Snapshot
from torouter.surfaces.clients import Clients
from torouter.surfaces.cors import Cors
from torouter.surfaces.gateway import Gateway
from torouter.surfaces.kept import KeptSurface
from torouter.surfaces.requests import Record, RequestSurface
from torouter.surfaces.stakes import Stakes
from torouter.units import Dialect, Secret, wall_ms
from torouter.wire.exchange import Exchange
from torouter.wire.memory import MemoryUpstream, Reply
from torouter.wire.server import Limits
from torouter.wire.upstream import Request

__all__ = ["ACCOUNT", "GROUP", "KEY", "Answer", "Handler", "MemoryShelf", "Stage", "json_reply", "sse_reply", "stage"]

_LIMITS = Limits(body_bytes=100_000)

Handler = Callable[[Request], Reply]

KEY = Key(id=1, account_id=1, group_id=1)
ACCOUNT = Account(id=1)
GROUP = Group(id=1, name="default")
FREE = PriceBook(Catalogue(b'{"form":2,"version":"none","providers":[]}'), free_kinds=KINDS)


def json_reply(status: int, body: object, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(status, [(b"content-type", b"application/json"), *headers], [json.dumps(body).encode()])


def sse_reply(*pieces: bytes, **options: Any) -> Reply:
    return Reply(200, [(b"content-type", b"text/event-stream")], pieces, **options)


@dataclass
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes
    is_complete: bool

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Stage:
    port: int
    entries: list[Entry]
    counters: Counters
    doorkeeper: Doorkeeper
    asked: list[tuple[str, Request]] = field(default_factory=list)
    slept_s: list[float] = field(default_factory=list)
    """What the relay has waited, which took no time."""

    @property
    def rows(self) -> list[UsageRow]:
        return [entry.usage for entry in self.entries]

    async def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = {"host": "h", "authorization": "Bearer sk-good", "connection": "close", **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return await self.raw(f"POST {path} HTTP/1.1\r\n{head}content-length: {len(data)}\r\n\r\n".encode() + data)

    def request(self, path: str, body: object) -> bytes:
        data = json.dumps(body).encode()
        head = "host: h\r\nauthorization: Bearer sk-good\r\n"
        return f"POST {path} HTTP/1.1\r\n{head}content-length: {len(data)}\r\n\r\n".encode() + data

    async def settled(self, count: int = 1) -> list[Entry]:
        """Waits until so many requests are."""
        async with asyncio.timeout(10):
            while len(self.entries) < count:
                await asyncio.sleep(0.005)
        return self.entries

    async def raw(self, data: bytes) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        try:
            got = await asyncio.wait_for(reader.read(-1), 10)
        finally:
            writer.close()
        head, _, rest = got.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in lines[1:])
        is_complete = True
        if headers.get(b"transfer-encoding") == b"chunked":
            rest, is_complete = _unchunked(rest)
        elif b"content-length" in headers:
            is_complete = len(rest) == int(headers[b"content-length"])
        return Answer(int(lines[0].split(b" ")[1]), headers, rest, is_complete)


class MemoryShelf:
    """What is kept, by account and id."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, str], bytes] = {}

    async def keep(self, account_id: int, key_id: int, kept_id: str, document: bytes) -> bool:
        self.kept[account_id, kept_id] = document
        return True

    async def find(self, account_id: int, kept_id: str) -> bytes | None:
        return self.kept.get((account_id, kept_id))

    async def delete(self, account_id: int, kept_id: str) -> bool:
        return self.kept.pop((account_id, kept_id), None) is not None


class NoRecord:
    async def find(self, account_id: int, request_id: str) -> Struct | None:
        return None


def _unchunked(data: bytes) -> tuple[bytes, bool]:
    whole = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return whole, data == b"\r\n"
        whole, data = whole + data[:length], data[length + 2 :]
    return whole, False


@asynccontextmanager
async def stage(
    handlers: Mapping[str, Handler],
    *,
    dialects: tuple[Dialect, ...] | Mapping[str, tuple[Dialect, ...]] = ("openai-chat",),
    models: Mapping[str, str] | None = None,
    max_switches: int = 3,
    kind: str = "openai",
    keeps: bool = False,
    shelf: Shelf | None = None,
    is_strict: bool = False,
    vault: Vault | None = None,
    key: Key = KEY,
    account: Account = ACCOUNT,
    group: Group = GROUP,
    subscriptions: tuple[Subscription, ...] = (),
    meters: Meters | None = None,
    trusted_proxies: tuple[str, ...] = (),
    when_away: Literal["serve", "refuse"] = "serve",
    prices: PriceBook = FREE,
    unknown_price: UnknownPrice = "refuse-if-limited",
    terms: Terms | None = None,
    charged: Prices | None = None,
    drain_s: float = 60.0,
    on_settle: Callable[[Entry], None] = lambda _: None,
    record: Record = NoRecord(),  # noqa: B008  # it has no state
    channel_models: Mapping[str, Mapping[str, str]] | None = None,
    credentials: Mapping[str, tuple[str, ...]] | None = None,
    policies: Mapping[str, Policy] | None = None,
    fallbacks: Mapping[str, Fallbacks] | None = None,
    planner: Planner | None = None,
    max_attempts: int = 6,
    retry_s: float = 10.0,
    on_sleep: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[Stage]:
    """Channels in the order of `handlers` have rising priority numbers: they are tried in that order. `dialects` are
    those of all channels, or of each by its name. With `terms` all requests are served on those, whatever was reserved
    for them, and `charged` has the prices that they pay. `channel_models`, `credentials` (their labels, which are
    their secrets too) and `policies` are by channel.
    What the relay waits is added to its clock, and takes no time but what `on_sleep` takes."""
    entries: list[Entry] = []
    asked: list[tuple[str, Request]] = []
    slept_s: list[float] = []

    def handle(request: Request) -> Reply:
        asked.append((request.origin.host, request))
        return handlers[request.origin.host](request)

    channels = tuple(
        Channel(
            name=name,
            kind=KINDS[kind],
            base_url=f"http://{name}/v1",
            credentials=tuple(
                Credential(label=label, secret=Secret(label)) for label in (credentials or {}).get(name, ())
            )
            or (Credential(secret=Secret("sk-up")),),
            policy=(policies or {}).get(name, Policy()),
            dialects=dialects[name] if isinstance(dialects, Mapping) else dialects,
            models=dict((channel_models or {}).get(name, {"m": "up-m"} if models is None else models)),
            priority=number,
        )
        for number, name in enumerate(handlers)
    )
    snapshot = Snapshot(
        channels=channels,
        translations={one: tuple(other for other in CODECS if other != one) for one in CODECS},
        fallbacks=fallbacks or {},
    )
    assert all(codec.translation is not None for codec in CODECS.values())
    upstreams = {"http": MemoryUpstream(handle)}
    kept = MemoryShelf() if shelf is None else shelf
    counters = Counters()

    class OnTerms(Relay):
        async def run(
            self,
            exchange: Exchange,
            admission: Admission,
            call: Call,
            given: Terms,
            others: Others = NO_OTHERS,
            observer: Observer | None = None,
        ) -> None:
            await super().run(exchange, admission, call, terms or given, others, observer)

    keyring = Keyring(
        {b"sk-good": key, b"sk-other": replace(KEY, id=2, account_id=2)},
        (account, Account(id=2)),
        (group,),
        subscriptions,
    )
    counted = meters or LocalMeters(read_spent=lambda _: {}, read_minutes=lambda _, __: {})
    doorkeeper = Doorkeeper(keyring, snapshot, bytes, wall_ms)
    time = asyncio.get_running_loop().time

    def clock() -> float:
        return time() + sum(slept_s)

    async def sleep(wait_s: float) -> None:
        slept_s.append(wait_s)
        if on_sleep is not None:
            await on_sleep()

    gateway = Gateway(
        doorkeeper=doorkeeper,
        reserving=Reserving(counted, wall_ms),
        stakes=Stakes(prices, wall_ms, unknown_price),
        clients=Clients(trusted_proxies),
        freshness=Freshness(clock, 5.0, when_away),
        relay=OnTerms(
            upstreams=upstreams,
            books=_Listed(entries, on_settle),
            continuity=Continuity(bytes(32), vault),
            counters=counters,
            keeper=Keeper(kept, is_default=keeps, body_limit_bytes=_LIMITS.body_bytes),
            max_switches=max_switches,
            meters=counted,
            clock=clock,
            planner=planner or Planner(random.Random(1).random),
            max_attempts=max_attempts,
            retry_s=retry_s,
            sleep=sleep,
            draw=random.Random(2).random,
            prices=charged,
            drain_s=drain_s,
        ),
        kept=KeptSurface(kept, Elsewhere(upstreams)),
        requests=RequestSurface(record),
        pages=Starlette(),
        limits=_LIMITS,
        cors=Cors(["*"]),
        is_strict=is_strict,
    )
    async with serving(gateway) as port:
        yield Stage(port, entries, counters, doorkeeper, asked, slept_s)


class _Listed(Books):
    def __init__(self, entries: list[Entry], on_settle: Callable[[Entry], None]) -> None:
        super().__init__(lambda *_: {})
        self._listed = entries
        self._on_settle = on_settle

    def settle(self, entry: Entry) -> None:
        self._listed.append(entry)
        self._on_settle(entry)
