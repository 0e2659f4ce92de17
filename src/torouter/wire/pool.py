"""The connections of a client: which of them are idle, and the one coarse clock that watches them all.

Deadlines need no timer of their own per request: a sweep every half second looks at every connection, and a
deadline is kept to within two sweeps, never early.
"""

from __future__ import annotations

import asyncio
from typing import Final

from torouter.wire.connection import Connection
from torouter.wire.faults import Fault
from torouter.wire.outbox import Outbox
from torouter.wire.upstream import Origin

__all__ = ["Pool"]

_LAST_WAIT_S: Final = 1.0
"""Aborted sockets close within a turn or two of the loop; a shutdown must not depend on it."""


class Pool:
    """`idle_s`: how long a connection may lie unused. The last connection given is the first one taken, so that the
    surplus of a busy hour grows old and goes."""

    __slots__ = (
        "_connections",
        "_gone",
        "_idle",
        "_max_idle_per_origin",
        "_sweep_s",
        "_timer",
        "idle_s",
        "is_closed",
        "outbox",
    )

    def __init__(self, max_idle_per_origin: int, idle_s: float, sweep_s: float) -> None:
        self.idle_s = idle_s
        self.outbox = Outbox(asyncio.get_running_loop())
        self.is_closed = False
        self._max_idle_per_origin = max_idle_per_origin
        self._sweep_s = sweep_s
        self._connections: set[Connection] = set()
        self._idle: dict[Origin, list[Connection]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._gone: asyncio.Future[None] | None = None

    @property
    def open_count(self) -> int:
        return len(self._connections)

    @property
    def idle_count(self) -> int:
        return sum(map(len, self._idle.values()))

    def take(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin)
        return idle.pop() if idle else None

    def shelf(self, origin: Origin) -> list[Connection]:
        """Where connections to an origin lie that are idle."""
        return self._idle.setdefault(origin, [])

    def give(self, connection: Connection) -> None:
        idle = connection.shelf
        if self.is_closed or len(idle) >= self._max_idle_per_origin:
            connection.abort()
        else:
            idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """The connection is of no more use: nobody may take it."""
        if connection.is_idle and connection in connection.shelf:
            connection.shelf.remove(connection)

    def add(self, connection: Connection) -> None:
        self._connections.add(connection)
        if self._timer is None and not self.is_closed:
            self._wind()

    def remove(self, connection: Connection) -> None:
        """Its socket is closed."""
        self._connections.discard(connection)
        if not self._connections and self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    async def close(self) -> None:
        """Drops everything and waits until the sockets are closed."""
        self.is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in tuple(self._connections):
            connection.fail(Fault("the client was closed"))
        if self._connections:
            if self._gone is None:
                self._gone = asyncio.get_running_loop().create_future()
            await asyncio.wait((self._gone,), timeout=_LAST_WAIT_S)

    def _wind(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._sweep_s, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for connection in tuple(self._connections):
            connection.check(now)
        if self._connections:
            self._wind()
