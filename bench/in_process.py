"""A gateway in this process with fake transports on both sides: what is measured is its own work and nothing of the
kernel's. What drives it says what the client sends and what the upstream answers."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from uvicorn.server import ServerState

from torouter.access.admission import Doorkeeper
from torouter.access.freshness import Freshness
from torouter.access.keyring import Keyring
from torouter.access.reserving import Reserving
from torouter.accounts import Keeping, KeptResponses, OwnRequests, hash_key
from torouter.channels import KINDS, Channel, Credential
from torouter.ledger.books import Books
from torouter.ledger.catalog import open_catalogue
from torouter.ledger.journal import Journal
from torouter.ledger.meters import LocalMeters
from torouter.ledger.newest_prices import NewestPrices
from torouter.ledger.prices import PriceBook
from torouter.relay.continuity import Continuity
from torouter.relay.counters import Counters
from torouter.relay.elsewhere import Elsewhere
from torouter.relay.run import Relay
from torouter.relay.turn import Keeper
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Snapshot
from torouter.store import Store
from torouter.surfaces.clients import Clients
from torouter.surfaces.cors import Cors
from torouter.surfaces.gateway import Gateway
from torouter.surfaces.kept import KeptSurface
from torouter.surfaces.requests import RequestSurface
from torouter.surfaces.stakes import Stakes
from torouter.units import DIALECTS, Dialect, RequestIds, Secret, wall_ms
from torouter.wire.client import Client
from torouter.wire.server import Connection as ServerConnection
from torouter.wire.server import Limits

__all__ = ["KEY", "PEPPER", "Exchange", "loop_ns", "measure", "post"]

KEY = "sk-bench-12345678"
PEPPER = b"p" * 32

_BASES: dict[Dialect, str] = {"openai-chat": "/v1", "openai-responses": "/v1", "anthropic": "", "gemini": "/v1beta"}
_OTHERS: dict[Dialect, tuple[Dialect, ...]] = {one: tuple(each for each in DIALECTS if each != one) for one in DIALECTS}
_WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
_STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request of a client and what its upstream answers: `whole`, or `first`, `chunks` times `event`, `last`."""

    upstream: Dialect
    kind: str
    model: str
    request: bytes
    is_stream: bool
    whole: bytes = b""
    first: bytes = b""
    event: bytes = b""
    last: bytes = b""


def post(path: str, headers: str, body: str) -> bytes:
    """The HTTP request of a client."""
    fields = f"Host: 127.0.0.1:8100\r\nAccept: */*\r\n{headers}Content-Type: application/json\r\n"
    return f"POST {path} HTTP/1.1\r\n{fields}Content-Length: {len(body)}\r\n\r\n{body}".encode()


class _Transport(asyncio.Transport):
    """Keeps only the size of what is written, and tells `on_write`."""

    def __init__(self) -> None:
        super().__init__()
        self.on_write: Any = None
        self.written = 0

    def write(self, data: Any) -> None:
        self.written += len(data)
        if self.on_write is not None:
            self.on_write()

    def writelines(self, parts: Any) -> None:
        self.write(b"".join(parts))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class _Client(Client):
    """The real client over connections whose transport is fake and whose upstream answers at once."""

    answer: Any = None

    async def _connect(self, request: Any) -> Any:
        from torouter.wire.connection import Connection

        connection = Connection(self._pool, request.origin)
        transport = _Transport()
        connection.connection_made(transport)
        transport.on_write = lambda: asyncio.get_running_loop().call_soon(self.answer, connection)
        return connection


def _answers(exchange: Exchange, chunks: int) -> Any:
    """What the upstream does when it is asked."""
    if not exchange.is_stream:
        whole = _WHOLE % (len(exchange.whole), exchange.whole)
        return lambda connection: connection.data_received(whole)
    event, last = _chunk(exchange.event), _chunk(exchange.last) + b"0\r\n\r\n"
    head = _STREAM + (_chunk(exchange.first) if exchange.first else b"")

    def go_on(connection: Any) -> None:
        for _ in range(chunks):
            connection.data_received(event)
        connection.data_received(last)

    def answer(connection: Any) -> None:
        connection.data_received(head)
        asyncio.get_running_loop().call_later(0.001, go_on, connection)

    return answer


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def measure(store: Store, exchange: Exchange, count: int, chunks: int = 0) -> float:
    """CPU µs of one of `count` requests."""
    client = _Client()
    client.answer = _answers(exchange, chunks)
    channels = tuple(
        Channel(
            name=f"up{n}",
            kind=KINDS[exchange.kind],
            base_url=f"http://127.0.0.1:9001{_BASES[exchange.upstream]}",
            credentials=(Credential(secret=Secret("sk-up")),),
            dialects=(exchange.upstream,),
            models={"gw": exchange.model},
        )
        for n in range(2)
    )
    journal = Journal(store.data_dir / "journal")
    books = Books(lambda *_: {}, journal)
    snapshot = Snapshot(channels=channels, translations=_OTHERS)
    keyring = Keyring()
    keyring.apply(keyring.prepare(store.changes_since(0), is_whole=True))
    meters = LocalMeters(read_spent=store.read_spent, read_minutes=store.read_minutes)
    prices = NewestPrices(PriceBook(open_catalogue(store.data_dir), providers={exchange.kind: exchange.kind}))
    shelf = KeptResponses(store, PEPPER, Keeping(ttl_s=60.0, limit_bytes=1, account_limit_bytes=1), wall_ms)
    relay = Relay(
        upstreams={"http": client},
        books=books,
        continuity=Continuity(bytes(32), None),
        counters=Counters(),
        keeper=Keeper(shelf, is_default=False, body_limit_bytes=Limits().body_bytes),
        max_switches=3,
        clock=asyncio.get_running_loop().time,
        planner=Planner(random.random),
        prices=prices,
        meters=meters,
    )
    gateway = Gateway(
        doorkeeper=Doorkeeper(keyring, snapshot, partial(hash_key, PEPPER), wall_ms),
        reserving=Reserving(meters, wall_ms),
        stakes=Stakes(prices, wall_ms, "flag"),
        clients=Clients(),
        freshness=Freshness(time.monotonic, 3600.0, "serve"),
        relay=relay,
        kept=KeptSurface(shelf, Elsewhere({"http": client})),
        requests=RequestSurface(OwnRequests(store, books.waiting_entries)),
        pages=None,  # type: ignore[arg-type]
        limits=Limits(),
        cors=Cors(["*"]),
    )
    state = ServerState()
    state.default_headers = [(b"date", b"Mon, 23 Nov 2026 08:22:18 GMT")]
    connection = ServerConnection(None, state, {"site": gateway, "request_ids": RequestIds()})  # type: ignore[arg-type]
    connection.connection_made(_Transport())
    gc.collect()
    gc.freeze()
    start = time.process_time()
    for _ in range(count):
        connection.data_received(exchange.request)
        while connection.active is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.0005 if exchange.is_stream else 0)
    spent = time.process_time() - start
    assert books.waiting_rows == count, (books.waiting_rows, count, exchange.upstream)
    outcomes = {entry.usage.outcome for entry in books.waiting_entries()}
    assert outcomes == {"ok"}, outcomes
    journal.close()
    return spent / count * 1e6


def loop_ns() -> float:
    """One turn of a small loop: what this machine's clock is worth right now."""
    start, total = time.process_time(), 0
    for number in range(200_000):
        total += number
    return (time.process_time() - start) / 200_000 * 1e9
