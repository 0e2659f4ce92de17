"""The straight line without sockets: CPU microseconds of one process per request and per streamed chunk.

Fake transports stand on both sides, so what is measured is the gateway's own work and nothing of the kernel's. The
smallest of several repeats is shown: other processes can only make it larger.

    python bench/line.py [--profile] [--without drive|repeat]

`--without` measures the line with one of its short cuts taken away: a task instead of a `Drive` for each request, or
the parser for each head instead of knowing a repeated one again.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import pstats
import random
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import uvloop
from uvicorn.server import ServerState

from torouter.access.admission import Doorkeeper
from torouter.access.keys import keys_of
from torouter.accounts import ensure_first, hash_key
from torouter.channels import KINDS, Channel
from torouter.ledger.books import Books
from torouter.relay.continuity import Continuity
from torouter.relay.counters import Counters
from torouter.relay.run import Relay
from torouter.routing.snapshot import Snapshot
from torouter.store import Store
from torouter.surfaces.cors import Cors
from torouter.surfaces.gateway import Gateway
from torouter.units import RequestIds, Secret, wall_ms
from torouter.wire import server
from torouter.wire.client import Client
from torouter.wire.head import Repeat
from torouter.wire.server import Connection as ServerConnection
from torouter.wire.server import Limits

KEY = "sk-bench-12345678"
BODY = {
    "model": "gw",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant. Answer briefly and precisely."},
        {"role": "user", "content": "Summarise the following notes for a colleague in three short bullet points. " * 4},
    ],
    "temperature": 0.7,
    "max_tokens": 256,
}
ANSWER = json.dumps(
    {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": "chat.completion",
        "created": 1741569952,
        "model": "up-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello! How can I assist you today?", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 19,
            "completion_tokens": 10,
            "total_tokens": 29,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
    }
).encode()
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = (
    b'data: {"id":"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG","object":"chat.completion.chunk","created":1741570283,'
    b'"model":"up-model-2026-01-01","service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,'
    b'"delta":{"content":"token "},"logprobs":null,"finish_reason":null}],"usage":null}\n\n'
)
LAST = (
    b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n'
    b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":9}}\n\ndata: [DONE]\n\n'
)


class FakeTransport(asyncio.Transport):
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


class FakeDialClient(Client):
    """The real client over connections whose transport is fake and whose upstream answers at once."""

    async def _connect(self, request: Any) -> Any:
        from torouter.wire.connection import Connection

        connection = Connection(self._pool, request.origin)
        transport = FakeTransport()
        connection.connection_made(transport)
        transport.on_write = lambda: asyncio.get_running_loop().call_soon(self.answer, connection)
        return connection

    answer: Any = None


async def measure(store: Store, pepper: bytes, is_stream: bool, count: int, chunks: int) -> float:
    client = FakeDialClient()

    def answer(connection: Any) -> None:
        if not is_stream:
            connection.data_received(WHOLE)
            return
        connection.data_received(HEAD)
        asyncio.get_running_loop().call_later(0.001, go_on, connection)

    event = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)

    def go_on(connection: Any) -> None:
        for _ in range(chunks - 1):
            connection.data_received(event)
        connection.data_received(b"%x\r\n%b\r\n0\r\n\r\n" % (len(LAST), LAST))

    client.answer = answer
    channels = tuple(
        Channel(
            name=f"up{n}",
            kind=KINDS["openai"],
            base_url="http://127.0.0.1:9001/v1",
            api_key=Secret("sk-up"),
            dialects=("openai-chat",),
            models={"gw": "up-n100"},
        )
        for n in range(2)
    )
    rows: list[Any] = []
    books = Books(rows.extend)
    door = Doorkeeper(
        Snapshot(keys=keys_of(store.access_rows()), channels=channels), partial(hash_key, pepper), wall_ms
    )
    relay = Relay(
        upstreams={"http": client},
        books=books,
        continuity=Continuity(bytes(32), None),
        counters=Counters(),
        max_switches=3,
        clock=asyncio.get_running_loop().time,
        draw=random.random,
    )
    gateway = Gateway(doorkeeper=door, relay=relay, pages=None, limits=Limits(), cors=Cors(["*"]))  # type: ignore[arg-type]
    state = ServerState()
    state.default_headers = [(b"date", b"Mon, 23 Nov 2026 08:22:18 GMT")]
    connection = ServerConnection(None, state, {"site": gateway, "request_ids": RequestIds()})  # type: ignore[arg-type]
    transport = FakeTransport()
    connection.connection_made(transport)
    body = json.dumps({**BODY, **({"stream": True, "stream_options": {"include_usage": True}} if is_stream else {})})
    request = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8100\r\nAccept: */*\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    gc.collect()
    gc.freeze()
    start = time.process_time()
    for _ in range(count):
        connection.data_received(request)
        while connection.active is not None:  # noqa: ASYNC110
            await asyncio.sleep(0 if not is_stream else 0.0005)
    spent = time.process_time() - start
    assert len(books._rows) == count
    assert {row.outcome for row in books._rows} == {"ok"}, {row.outcome for row in books._rows}
    return spent / count * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--without", choices=("drive", "repeat"))
    options = parser.parse_args()
    take_away(options.without)
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
        pepper = b"p" * 32
        ensure_first(store, pepper, KEY)

        def run(is_stream: bool, count: int, chunks: int) -> float:
            return uvloop.run(measure(store, pepper, is_stream, count, chunks))

        if options.profile:
            profile = cProfile.Profile()
            profile.enable()
            run(False, 20_000, 0)
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
            return
        figures = [
            (run(False, 1000, 0), run(True, 20, 100), run(True, 20, 1100), loop_ns()) for _ in range(options.repeats)
        ]
        whole, short, long, loop = (min(column) for column in zip(*figures, strict=True))
        print(f"whole answer: {whole:.1f} µs/request; streamed chunk: {(long - short) / 1000:.2f} µs; ", end="")
        print(f"{whole * 1000 / loop:.0f} and {(long - short) / loop:.0f} turns of an empty loop ({loop:.0f} ns)")


class TaskDrive:
    """What a `Drive` replaces."""

    def __init__(self, coroutine: Any) -> None:
        self._coroutine = coroutine

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._coroutine)


def take_away(short_cut: str | None) -> None:
    if short_cut == "drive":
        server.Drive = TaskDrive  # type: ignore[misc, assignment]
    elif short_cut == "repeat":
        Repeat.of = classmethod(lambda *_: None)  # type: ignore[method-assign, assignment]


def loop_ns() -> float:
    """One turn of a small loop: what this machine's clock is worth right now."""
    start, total = time.process_time(), 0
    for number in range(200_000):
        total += number
    return (time.process_time() - start) / 200_000 * 1e9


if __name__ == "__main__":
    main()
