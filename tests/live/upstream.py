"""A real upstream on a real socket that says exactly what a test tells it to, and remembers every byte it was sent.

It runs in a thread of its own, so that blocking SDKs and asyncio tests alike can talk to it. A script belongs to a
model name: the answers are given in order, the last one for ever after. Nothing in here understands a dialect; the only
thing looked for in a request is the model's name, in the path (Gemini) or in the body.

The parser is our own and small on purpose: what the gateway writes must be seen as it is, not as a library reads it.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, Self
from urllib.parse import unquote

from tests.recorded import frames, recorded

__all__ = [
    "EVENT_STREAM",
    "JSON",
    "Answer",
    "Ending",
    "Framing",
    "Upstream",
    "Visit",
    "json_answer",
    "recorded_answer",
    "sse_answer",
    "until",
]

JSON = (("content-type", "application/json"),)
EVENT_STREAM = (("content-type", "text/event-stream; charset=utf-8"),)

Framing = Literal["length", "chunked", "until-close"]
Ending = Literal["keep", "close", "reset", "stall"]
"""What follows the last piece. All but `keep` leave out the chunked body's end, so they cut it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to say. `pieces` are written one by one, `pace_s` seconds apart; a callable makes them on demand, so that a
    body may be larger than memory. With `status` 0 there is no head: `pieces` are all that is said before `ending`."""

    status: int = 200
    headers: Iterable[tuple[str, str]] = JSON
    pieces: tuple[bytes, ...] | Callable[[], Iterable[bytes]] = ()
    framing: Framing = "length"
    delay_s: float = 0.0
    pace_s: float = 0.0
    ending: Ending = "keep"

    def bodies(self) -> Iterable[bytes]:
        return self.pieces() if callable(self.pieces) else self.pieces

    def head(self) -> bytes:
        reason = HTTPStatus(self.status).phrase if self.status in HTTPStatus._value2member_map_ else "Odd"
        lines = [f"HTTP/1.1 {self.status} {reason}", *(f"{name}: {value}" for name, value in self.headers)]
        if self.framing == "length":
            lines.append(f"content-length: {sum(map(len, self.bodies()))}")
        elif self.framing == "chunked":
            lines.append("transfer-encoding: chunked")
        else:
            lines.append("connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


@dataclass(slots=True, kw_only=True)
class Visit:
    """One request as it came, and what became of its answer. Times are `time.monotonic()`."""

    head: bytes
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    """Names in lower case, in order."""
    model: str
    connection: int
    at: float
    body: bytes = b""
    sent_bytes: int = 0
    is_done: bool = False
    left_at: float | None = None
    """When the peer closed while the answer was still being given."""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def names(self) -> set[str]:
        return {name for name, _ in self.headers}


@dataclass(slots=True)
class _Script:
    answers: list[Answer]
    visits: list[Visit] = field(default_factory=list)

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Upstream:
    """The server. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._scripts: dict[str, _Script] = {}
        self._strangers: dict[str, list[Visit]] = defaultdict(list)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-upstream", daemon=True)
        self._connections: set[_Connection] = set()
        self.accepted = 0
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    def script(self, model: str, *answers: Answer) -> None:
        """From now on a request for this model gets these answers; earlier visits are forgotten."""
        self._scripts[model] = _Script(list(answers))

    def visits(self, model: str) -> list[Visit]:
        script = self._scripts.get(model)
        return list(script.visits) if script else list(self._strangers[model])

    def visit(self, model: str) -> Visit:
        """The one request that came for this model."""
        found = self.visits(model)
        assert len(found) == 1, f"{len(found)} requests came for {model}"
        return found[0]

    def next_answer(self, visit: Visit) -> Answer:
        script = self._scripts.get(visit.model)
        if script is None:
            self._strangers[visit.model].append(visit)
            told = f"the test's upstream has no script for {visit.method} {visit.target} ({visit.model!r})"
            return json_answer({"error": {"message": told}}, status=418)
        script.visits.append(visit)
        return script.next()

    async def _listen(self) -> int:
        def connection() -> _Connection:
            self.accepted += 1
            return _Connection(self, self.accepted, self._connections)

        self._server = await self._loop.create_server(connection, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _shut(self) -> None:
        self._server.close()
        for connection in list(self._connections):
            await connection.stop()


class _Connection(asyncio.Protocol):
    """One connection: requests are read and answered in order by one task."""

    def __init__(self, upstream: Upstream, number: int, register: set[_Connection]) -> None:
        self._upstream = upstream
        self._number = number
        self._register = register
        self._buffer = bytearray()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._register.add(self)
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._arrived.set()

    def eof_received(self) -> bool:
        self._gone.set()
        self._arrived.set()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        self._arrived.set()
        self._writable.set()
        self._register.discard(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def stop(self) -> None:
        self._transport.abort()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _serve(self) -> None:
        try:
            while (visit := await self._read_request()) is not None:
                if not await self._give(self._upstream.next_answer(visit), visit):
                    return
        finally:
            self._transport.close()

    async def _give(self, answer: Answer, visit: Visit) -> bool:
        """Says the answer. False if the connection is of no more use."""
        await self._pause(answer.delay_s, visit)
        is_chunked = bool(answer.status) and answer.framing == "chunked"
        if answer.status:
            self._transport.write(answer.head())
        for piece in answer.bodies():
            await self._pause(answer.pace_s, visit)
            if self._gone.is_set():
                break
            self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
            visit.sent_bytes += len(piece)
            await self._writable.wait()
        if is_chunked and answer.ending == "keep":
            self._transport.write(b"0\r\n\r\n")
        if self._gone.is_set():
            visit.left_at = visit.left_at or time.monotonic()
            return False
        return await self._end(answer, visit)

    async def _end(self, answer: Answer, visit: Visit) -> bool:
        if answer.ending == "stall":
            await self._gone.wait()
            visit.left_at = time.monotonic()
        elif answer.ending == "reset":
            self._transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            self._transport.abort()
        else:
            visit.is_done = True
            return answer.ending == "keep" and answer.framing != "until-close" and bool(answer.status)
        return False

    async def _pause(self, seconds: float, visit: Visit) -> None:
        """Sleeps, but not longer than the peer stays."""
        if seconds and not self._gone.is_set():
            try:
                await asyncio.wait_for(self._gone.wait(), seconds)
                visit.left_at = time.monotonic()
            except TimeoutError:
                return

    async def _read_request(self) -> Visit | None:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if not await self._more():
                return None
        head = bytes(self._buffer[: end + 4])
        del self._buffer[: end + 4]
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
        visit = Visit(
            head=head, method=method, target=target, headers=headers, model="", connection=self._number,
            at=time.monotonic(),
        )  # fmt: skip
        if visit.header("transfer-encoding"):
            visit.body = await self._read_chunks()
        else:
            visit.body = await self._take(int(visit.header("content-length") or 0))
        visit.model = _model_named(visit)
        return visit

    async def _read_chunks(self) -> bytes:
        body = b""
        while size := int(await self._take_line(), 16):
            body += await self._take(size)
            await self._take_line()
        await self._take_line()
        return body

    async def _take_line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if not await self._more():
                raise ConnectionError("the request ended within a chunk")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    async def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            if not await self._more():
                break
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _more(self) -> bool:
        """Waits for bytes; False at the end of the connection."""
        if self._gone.is_set():
            return False
        self._arrived.clear()
        await self._arrived.wait()
        return not self._gone.is_set() or bool(self._buffer)


def _model_named(visit: Visit) -> str:
    """The model's name, wherever this request has it; the target's last segment where it has none."""
    if in_path := re.search(r"/(?:models|tunedModels)/([^:?]+):", visit.target):
        return unquote(in_path[1])
    if form := re.search(rb'name="?model"?\r\n\r\n([^\r]*)\r\n', visit.body):
        return form[1].decode()
    try:
        told = json.loads(visit.body)
    except ValueError:
        told = None
    if isinstance(told, dict) and isinstance(told.get("model"), str):
        return str(told["model"])
    return visit.target.partition("?")[0].rpartition("/")[2]


def json_answer(told: object, *, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    """A whole JSON body."""
    return Answer(status=status, headers=(*JSON, *headers), pieces=(json.dumps(told).encode(),))


def recorded_answer(name: str) -> Answer:
    """What a provider once said, frame by frame: `recorded_answer("openai-chat/stream/010")`."""
    exchange = recorded(name)
    return Answer(
        status=exchange.status,
        headers=[("content-type", exchange.content_type)],
        pieces=tuple(frames(exchange.response_body)),
        framing="chunked",
    )


def sse_answer(*pieces: bytes, pace_s: float = 0.0, ending: Ending = "keep") -> Answer:
    """An event stream, chunk by chunk."""
    return Answer(headers=EVENT_STREAM, pieces=pieces, framing="chunked", pace_s=pace_s, ending=ending)


def until(condition: Callable[[], object], within_s: float = 5.0) -> bool:
    """Waits (blocking) for something that another thread brings about."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
