"""A bridge from an `Exchange` to an ASGI application: how the portal's pages are served by the same connections.

The request body is whole already, so `receive` gives it in one message and then waits for the client to leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from torouter.wire.exchange import Exchange

__all__ = ["ASGIApp", "run_asgi"]

Message = MutableMapping[str, Any]
ASGIApp = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


async def run_asgi(app: ASGIApp, exchange: Exchange, address: str, *, is_secure: bool) -> None:
    """Serves one exchange. `address` is the client's, and `is_secure` says whether it speaks TLS, also behind a proxy.
    What the application raises is raised here, as by any other part of the house."""
    await app(_scope(exchange, address, is_secure), _Receive(exchange), _Send(exchange))


def _scope(exchange: Exchange, address: str, is_secure: bool) -> MutableMapping[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.0" if exchange.is_http10 else "1.1",
        "method": exchange.method.decode("ascii"),
        "scheme": "https" if is_secure else "http",
        "path": unquote(exchange.path.decode("ascii", "replace")),
        "raw_path": exchange.path,
        "query_string": exchange.query,
        "root_path": "",
        "headers": exchange.headers,
        "client": (address, 0),
        "server": None,
        "state": {"request_id": exchange.request_id.decode("ascii")},
    }


class _Receive:
    def __init__(self, exchange: Exchange) -> None:
        self._body: bytes | None = exchange.body

    async def __call__(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.Event().wait()  # the task is cancelled when the client leaves
        return {"type": "http.disconnect"}


class _Send:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._start: Message = {}

    async def __call__(self, message: Message) -> None:
        exchange = self._exchange
        if message["type"] == "http.response.start":
            self._start = message
            return
        body, has_more = message.get("body", b""), message.get("more_body", False)
        if not exchange.has_begun:
            status, length, headers = self._start["status"], None, []
            for name, value in self._start.get("headers", ()):
                if name.lower() == b"content-length":
                    length = int(value)
                else:
                    headers.append(b"%b: %b\r\n" % (name, value))
            block = b"".join(headers)
            if not has_more:
                exchange.respond(status, block, body)
                return
            exchange.begin(status, block, length)
        exchange.write(body)
        if not has_more:
            exchange.end()
        elif exchange.is_paused:
            await self._drained()

    async def _drained(self) -> None:
        resumed = asyncio.get_running_loop().create_future()
        self._exchange.on_resume = lambda: None if resumed.done() else resumed.set_result(None)
        await resumed
        self._exchange.on_resume = None
