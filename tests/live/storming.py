"""A storm: an upstream of three channels in three dialects, of whose answers a given part is faulty, by lot; and a
client that asks for thousands of answers and looks at every byte of them.

The lot is drawn from the request's name and how often it came to that channel, so a run with the same seed deals the
same faults to the same requests, however they interleave. Each visit says a word of its own, a `nonce`, again and
again: two answers in one would show two of them.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from tests.live.callers import CALLERS
from tests.live.faults import good
from tests.live.provider_errors import error_event, refusal
from tests.live.scripted import channel
from tests.live.speech import Speech, speech, whole
from tests.live.upstream import EVENT_STREAM, Answer, Upstream, Visit, sse_answer

__all__ = ["CHANNELS", "WORDS", "Asked", "Dealt", "StormUpstream", "storm", "storm_channels"]

CHANNELS: Final = {"storm-a": "openai-chat", "storm-b": "anthropic", "storm-c": "gemini"}
WORDS: Final = 6
_NAME: Final = re.compile(rb"request-(\d+)")
_NONCE: Final = re.compile(rb"nonce-\d+-storm-[abc]-\d+ ")
_TERMINATORS: Final = {
    "openai-chat": b"data:[DONE]",
    "openai-responses": b"event:response.completed",
    "anthropic": b"event:message_stop",
    "gemini": b'"finishReason":',
}


@dataclass(frozen=True, slots=True)
class Dealt:
    """What a visit was answered with. `fault` "": a good answer. `has_text`: it is cut behind some of its text.

    `is_resent`: it belongs to the attempt before. A connection that was used before and ends without a byte was most
    likely closed while it lay idle, so the request is written once more on a fresh one (`wire.client`)."""

    channel: str
    nonce: str
    fault: str
    has_text: bool = False
    is_reused: bool = False
    is_resent: bool = False


@dataclass(slots=True)
class Asked:
    """One request, and what its caller got. `status` 0: the connection broke."""

    number: int
    dialect: str
    is_streamed: bool
    status: int = 0
    body: bytes = b""
    request_id: str = ""

    @property
    def nonces(self) -> Counter[str]:
        return Counter(found.decode().strip() for found in _NONCE.findall(self.body))

    @property
    def is_whole(self) -> bool:
        """Told as an answer that has come to its end."""
        return self.status == 200 and (
            not self.is_streamed or _TERMINATORS[self.dialect] in self.body.replace(b" ", b"")
        )


class StormUpstream(Upstream):
    """All three channels; the first segment of the path tells which."""

    def __init__(self, seed: int, faulty: float) -> None:
        super().__init__()
        self.dealt: dict[int, list[Dealt]] = defaultdict(list)
        self._used: set[int] = set()
        self._seed = seed
        self._faulty = faulty

    def next_answer(self, visit: Visit) -> Answer:
        name = visit.target.split("/")[1]
        found = _NAME.search(visit.body)
        assert found is not None
        number = int(found[1])
        lot = random.Random(f"{self._seed} {number} {name} {len(self.dealt[number])}")
        nonce = f"nonce-{number}-{name}-{len(self.dealt[number])}"
        is_streamed = b'"stream": true' in visit.body or b'"stream":true' in visit.body or ":stream" in visit.target
        fault = lot.choice(_FAULTS if not is_streamed else _STREAM_FAULTS) if lot.random() < self._faulty else ""
        self.dealt[number].append(
            Dealt(
                name, nonce, fault, fault in _BEHIND_TEXT, visit.connection in self._used,
                self._is_resent(number, name),
            )
        )  # fmt: skip
        self._used.add(visit.connection)
        return _answer(CHANNELS[name], is_streamed, fault, (f"{nonce} ",) * WORDS)

    def _is_resent(self, number: int, name: str) -> bool:
        last = self.dealt[number][-1] if self.dealt[number] else None
        return last is not None and last.channel == name and last.is_reused and last.fault in ("reset", "closed")


_BEFORE: Final = (
    "429", "429", "500", "500", "503", "529", "408", "401", "402", "403", "reset", "reset", "closed", "empty", "page",
    "not-http", "silent",
)  # fmt: skip
_FAULTS: Final = (*_BEFORE, "cut-body", "error-in-200", "malformed-body")
_BEHIND_TEXT: Final = ("cut", "reset-later", "error-later", "malformed-later")
_STREAM_FAULTS: Final = (
    *_BEFORE,
    "no-first-token",
    "error-first",
    "cut-before-text",
    "malformed-first",
    *_BEHIND_TEXT,
    *_BEHIND_TEXT,
)

_REFUSED: Final = {
    "429": ("rate", 429), "500": ("broken", 500), "503": ("busy", 503), "529": ("busy", 529), "408": ("late", 408),
    "401": ("key", 401), "402": ("credit", 402), "403": ("forbidden", 403),
}  # fmt: skip


def _answer(dialect: str, is_streamed: bool, fault: str, words: tuple[str, ...]) -> Answer:
    if not fault:
        return good(dialect, is_streamed, words)
    if fault in _REFUSED:
        return refusal(dialect, *_REFUSED[fault])
    if fault in _BARE:
        return _BARE[fault]
    if fault == "empty":
        return Answer(
            headers=EVENT_STREAM if is_streamed else (("content-type", "application/json"),), framing="chunked"
        )
    return _cut_stream(dialect, fault, speech(dialect, words)) if is_streamed else _cut_whole(dialect, fault, words)


_BARE: Final = {
    "reset": Answer(status=0, ending="reset"),
    "closed": Answer(status=0, ending="close"),
    "silent": Answer(status=0, ending="stall"),
    "not-http": Answer(status=0, pieces=(b"220 mail.example.org ESMTP\r\n",), ending="close"),
    "page": Answer(headers=(("content-type", "text/html"),), pieces=(b"<!doctype html><title>No</title>",)),
}


def _cut_whole(dialect: str, fault: str, words: tuple[str, ...]) -> Answer:
    if fault == "error-in-200":
        return replace(refusal(dialect, "busy", 503), status=200)
    answer = whole(dialect, words)
    [body] = answer.bodies()
    half = replace(answer, pieces=(body[: len(body) // 2],))
    return half if fault == "malformed-body" else replace(half, framing="chunked", ending="close")


def _cut_stream(dialect: str, fault: str, told: Speech) -> Answer:
    event = error_event(dialect)
    name = b"event: %b\n" % str(event["type"]).encode() if "type" in event else b""
    error, half = b"%bdata: %b\n\n" % (name, json.dumps(event).encode()), told.words[2][:-9] + b"\n\n"
    before, behind = told.opening, (*told.opening, *told.words[:2])
    return {
        "no-first-token": sse_answer(*before, ending="stall"),
        "error-first": sse_answer(*before, error),
        "cut-before-text": sse_answer(*before, ending="close"),
        "malformed-first": sse_answer(*before, half, *told.frames),
        "cut": sse_answer(*behind, ending="close"),
        "reset-later": sse_answer(*behind, pace_s=0.01, ending="reset"),
        "error-later": sse_answer(*behind, error),
        "malformed-later": sse_answer(*behind, half, *told.frames),
    }[fault]


def storm_channels(upstream: Upstream, model: str) -> list[dict[str, object]]:
    return [
        channel(name, dialect, f"{upstream.origin}/{name}", {model: f"up.{model}"})
        for name, dialect in CHANNELS.items()
    ]


async def storm(port: int, model: str, numbers: Iterator[int], callers: int, seed: int) -> list[Asked]:
    """So many callers at a time, each on a connection of its own that it keeps."""
    asked: list[Asked] = []

    async def caller() -> None:
        connection = _Caller(port)
        for number in numbers:
            lot = random.Random(f"{seed} {number}")
            one = Asked(number, lot.choice(list(CALLERS)), lot.random() < 1 / 3)
            asked.append(one)
            await connection.ask(one, model)
        connection.close()

    await asyncio.gather(*(caller() for _ in range(callers)))
    return asked


@dataclass(slots=True)
class _Caller:
    """A plain HTTP client: what it is told it keeps as it is."""

    port: int
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None)

    async def ask(self, one: Asked, model: str) -> None:
        try:
            async with asyncio.timeout(60):
                await self._ask(one, model)
        except (OSError, asyncio.IncompleteReadError):
            one.status = 0
            self.close()

    async def _ask(self, one: Asked, model: str) -> None:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        reader, writer = self._streams
        writer.write(_request(one, model))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        one.status = int(head.split(b" ")[1])
        found = re.search(rb"x-request-id: (\S+)", head)
        one.request_id = found[1].decode() if found else ""
        if b"transfer-encoding: chunked" in head:
            while size := int(await reader.readline(), 16):
                one.body += (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        else:
            length = re.search(rb"content-length: (\d+)", head)
            one.body = await reader.readexactly(int(length[1]) if length else 0)
        if b"connection: close" in head:
            self.close()

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _request(one: Asked, model: str) -> bytes:
    caller = CALLERS[one.dialect]
    body = json.dumps(_body(caller.body, model, one, caller.names_model_in_path)).encode()
    head = [
        f"POST {caller.target(model, stream=one.is_streamed)} HTTP/1.1", "host: gateway",
        *(f"{name}: {value}" for name, value in caller.headers()), f"content-length: {len(body)}", "", "",
    ]  # fmt: skip
    return "\r\n".join(head).encode() + body


def _body(plain: Mapping[str, object], model: str, one: Asked, is_in_path: bool) -> dict[str, object]:
    """The small body of that dialect, with the request's name for a prompt."""
    named = json.loads(json.dumps(plain).replace('"hi"', f'"request-{one.number}"'))
    return named if is_in_path else {"model": model, **named, "stream": one.is_streamed}
