"""A client of the WebSocket form of Responses, plain enough to say and see everything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.live.callers import bearer
from tests.live.gateway import Gateway

__all__ = ["Event", "Socket", "opened"]

Event = dict[str, Any]

WITHIN_S = 10.0
_LAST = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


class Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def say(self, **fields: object) -> None:
        """One `response.create`."""
        self.connection.send(json.dumps({"type": "response.create", **fields}))

    def hear(self) -> Event:
        event = json.loads(self.connection.recv(WITHIN_S))
        assert isinstance(event, dict)
        return event

    def rest(self) -> list[Event]:
        """All events until one that ends an answer."""
        events = [self.hear()]
        while events[-1]["type"] not in _LAST:
            events.append(self.hear())
        return events

    def ask(self, **fields: object) -> Event:
        """The last event of the answer."""
        self.say(**fields)
        return self.rest()[-1]

    def send(self, message: str | bytes) -> Event:
        """The event that one message is answered with."""
        self.connection.send(message)
        return self.hear()


@contextmanager
def opened(
    gateway: Gateway,
    path: str = "/v1/responses",
    headers: Iterable[tuple[str, str]] = bearer(),
) -> Iterator[Socket]:
    """Raises `InvalidStatus` for an upgrade that is refused."""
    url = f"ws://127.0.0.1:{gateway.port}{path}"
    with connect(
        url, additional_headers=list(headers), compression=None, max_size=None, ping_interval=None, proxy=None
    ) as connection:
        yield Socket(connection)
