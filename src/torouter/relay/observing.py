"""Watching one request from within: what goes to its upstreams and what comes back, as it happens.

Nobody watches nearly all requests, and they pay nothing for it: only of a request that is watched are its upstreams
wrapped (`Watched`), and with them the answers that they give.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from torouter.canon.losses import Loss
from torouter.ledger.books import UsageRow
from torouter.relay.record import Charge
from torouter.relay.trial import Trial
from torouter.wire.upstream import Headers, Request, Response, Upstream

__all__ = ["Observer", "Watched"]


class Observer(Protocol):
    """Of one request. Each request to an upstream has a number, and `Trial.number` is that of a trial's last one."""

    def asking(self, trial: Trial, request: Request, lost: Sequence[Loss], *, is_translated: bool) -> int:
        """It is about to be sent; `lost` is what could not be put into it. Its number."""
        ...

    def going_on(self, trial: Trial, request: Request) -> int:
        """A further request for an answer that its upstream gives in pieces. Its number."""
        ...

    def came(self, number: int, response: Response, /) -> None:
        """The head of its answer."""
        ...

    def got(self, number: int, data: bytes, /) -> None:
        """A piece of the answer's body."""
        ...

    def got_all(self, number: int, /) -> None:
        """No more of it comes."""
        ...

    def left(self, trial: Trial, verdict: str, why: str, message: str, /) -> None:
        """The trial's answer is not the request's. `why` is a word of the verdicts, `message` the operator's."""
        ...

    def settled(self, trial: Trial, losses: tuple[str, ...], row: UsageRow, charge: Charge, /) -> None:
        """`losses` are those of the answer's whole way, those of the request first, as `relay.losses` tells them."""
        ...


class Watched:
    """An `Upstream` for one request that has a number already."""

    __slots__ = ("_number", "_observer", "_upstream")

    def __init__(self, upstream: Upstream, observer: Observer, number: int) -> None:
        self._upstream = upstream
        self._observer = observer
        self._number = number

    async def send(self, request: Request, /) -> Response:
        response = await self._upstream.send(request)
        self._observer.came(self._number, response)
        return _WatchedResponse(response, self._observer, self._number)

    async def close(self) -> None:
        await self._upstream.close()


class _WatchedResponse:
    """A `Response` whose body is told as whoever reads it gets it."""

    __slots__ = ("_is_told", "_number", "_observer", "_response")

    def __init__(self, response: Response, observer: Observer, number: int) -> None:
        self._response = response
        self._observer = observer
        self._number = number
        self._is_told = False

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Headers:
        return self._response.headers

    def header(self, name: bytes, /) -> bytes:
        return self._response.header(name)

    @property
    def body(self) -> bytes | None:
        body = self._response.body
        if body is not None:
            self._tell_whole(body)
        return body

    async def read(self, limit_bytes: int, /) -> bytes:
        body = await self._response.read(limit_bytes)
        self._tell_whole(body)
        return body

    async def pipe(self, sink: Callable[[bytes], None], /) -> None:
        if self._is_told:
            await self._response.pipe(sink)
            return

        def told(data: bytes) -> None:
            self._observer.got(self._number, data)
            sink(data)

        self._is_told = True
        try:
            await self._response.pipe(told)
        finally:
            self._observer.got_all(self._number)

    def begun(self) -> None:
        self._response.begun()

    def pause(self) -> None:
        self._response.pause()

    def resume(self) -> None:
        self._response.resume()

    def close(self) -> None:
        self._response.close()

    def _tell_whole(self, body: bytes) -> None:
        if not self._is_told:
            self._is_told = True
            self._observer.got(self._number, body)
            self._observer.got_all(self._number)
