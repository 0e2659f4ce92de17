"""A scripted upstream on a real socket: strict about what it is asked, plain about what it answers.

A script is one object with one method, `answer`. It reads a request, objects with `Objection` when anything in it is
not as the dialect and the turn demand, and gives back a `Reply`. Objections are answered with a 400 (so that no agent
retries them) and kept: a test is only good when `objections` is empty at its end.

The HTTP here is a few lines of its own on purpose: nothing of the gateway under test stands on this side.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol, Self
from urllib.parse import parse_qs, urlsplit

__all__ = [
    "Objection",
    "Reply",
    "Request",
    "Script",
    "ScriptedUpstream",
    "Stumbling",
    "expect",
    "json_reply",
    "sse_reply",
]

JSON = "application/json"
SSE = "text/event-stream"


class Objection(AssertionError):
    """The request is not what the script expects at this point; the text says what was wrong."""


def expect(condition: object, what: str) -> None:
    """Object with `what` unless the condition holds. Unlike `assert` it is never rewritten or optimised away."""
    if not condition:
        raise Objection(what)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived. Header names are in lower case; of repeated query names the first counts."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        expect(self.headers.get("content-type", "").startswith(JSON), "a JSON body has the content type of JSON")
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and the body's chunks; each chunk is written to the socket by itself."""

    chunks: Sequence[bytes]
    status: int = 200
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


def json_reply(value: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply([json.dumps(value).encode()], status=status, headers=headers or {})


def sse_reply(frames: Sequence[bytes]) -> Reply:
    """A stream of server-sent events; every frame already ends in its blank line."""
    return Reply(frames, content_type=SSE)


class Script(Protocol):
    def answer(self, request: Request) -> Reply: ...


class Stumbling:
    """A script that fails the first POST and then does its work: what an agent's own retry is for."""

    def __init__(self, script: Script, failure: Reply) -> None:
        self._script = script
        self._failure = failure
        self.has_stumbled = False

    def answer(self, request: Request) -> Reply:
        if request.method == "POST" and not self.has_stumbled:
            self.has_stumbled = True
            return self._failure
        return self._script.answer(request)


class ScriptedUpstream:
    """Serves one script on a free port of the loopback while the `async with` block lasts."""

    def __init__(self, script: Script, *, error: Callable[[str], object]) -> None:
        """`error` wraps an objection's text in the dialect's own error body."""
        self._script = script
        self._error = error
        self.requests: list[Request] = []
        self.objections: list[str] = []
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        serving = list(self._connections.values())
        for writer in self._connections:
            writer.close()
        await asyncio.gather(*serving)

    @property
    def url(self) -> str:
        """The root, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def seen(self) -> list[str]:
        """`METHOD path` of each request, in order: what a failing test prints."""
        return [f"{r.method} {r.path}" for r in self.requests]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[writer] = task
        try:
            while (request := await _read_request(reader)) is not None:
                self.requests.append(request)
                await _write_reply(writer, self._answer(request), head_only=request.method == "HEAD")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the peer left: nothing of a script's concern
        finally:
            del self._connections[writer]
            writer.close()

    def _answer(self, request: Request) -> Reply:
        try:
            return self._script.answer(request)
        except (AssertionError, LookupError, TypeError, ValueError) as error:
            what = f"{request.method} {request.path}: {type(error).__name__}: {error}"
            self.objections.append(what)
            return json_reply(self._error(what), status=400)


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    request_line, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = request_line.split(" ")
    headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return Request(method, parts.path, query, headers, await _read_body(reader, headers))


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


async def _write_reply(writer: asyncio.StreamWriter, reply: Reply, *, head_only: bool) -> None:
    fields = {"content-type": reply.content_type, "transfer-encoding": "chunked", **reply.headers}
    head = f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n"
    writer.write((head + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n").encode())
    if not head_only:
        for chunk in reply.chunks:
            writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")
    await writer.drain()
