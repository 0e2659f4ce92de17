"""Another dialect: upstream bytes → events → the client's bytes. A whole answer is the same events, folded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from torouter.canon.events import Event, Fault, Finish, PartStart, UsageSeen
from torouter.canon.fold import fold
from torouter.canon.losses import Loss
from torouter.canon.names import restore_answer, restore_event
from torouter.canon.usage import Usage
from torouter.codecs import AnswerOptions, Codec, Framing, Translation
from torouter.errors import UpstreamError
from torouter.relay.call import Call
from torouter.relay.delivery import Outcome
from torouter.relay.passthrough import framing_of
from torouter.wire.exchange import Exchange
from torouter.wire.upstream import Response

__all__ = ["Keep", "Translated", "losses_header"]

Keep = Callable[[bytes], Awaitable[bytes]]
"""From the last bytes of an answer to those that the client is given, when it has been kept."""

_BODY_LIMIT_BYTES: Final = 64 * 1024 * 1024
_LOSSES_LIMIT_BYTES: Final = 4096
_HEADERS: Final[dict[Framing, bytes]] = {
    "whole": b"content-type: application/json\r\n",
    "array": b"content-type: application/json\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n",
    "sse": b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n",
}


def losses_header(losses: Iterable[Loss]) -> tuple[str, ...]:
    """`field;what` of each loss, printable ASCII only: field paths come from the caller's body."""
    return tuple(f"{loss.field.encode('ascii', 'backslashreplace').decode()};{loss.what}" for loss in losses)


class Translated:
    """A `Delivery` through canon. `names`: what the upstream was told a tool is called → the client's own name.

    `keep` is set where the answer is to be kept: it gets the answer's last bytes, which wait for it, and gives those
    for the client. They wait in a task, because an upstream may leave its stream open behind the end.
    """

    __slots__ = (
        "_call",
        "_client",
        "_clock",
        "_decoder",
        "_encoder",
        "_exchange",
        "_is_over",
        "_keep",
        "_last",
        "_names",
        "_options",
        "_response",
        "_upstream",
        "_usage",
        "first_byte_s",
        "losses",
        "outcome",
    )

    def __init__(
        self,
        exchange: Exchange,
        response: Response,
        call: Call,
        upstream: Codec,
        options: AnswerOptions,
        losses: tuple[str, ...],
        names: Mapping[str, str],
        keep: Keep | None,
        clock: Callable[[], float],
    ) -> None:
        self._exchange = exchange
        self._response = response
        self._call = call
        self._upstream = upstream
        self._client = _translation(call.codec)
        self._options = options
        self._decoder = _translation(upstream).decoder(framing_of(response, "whole"))
        self._encoder = self._client.encoder(options)
        self._usage = Usage()
        self._names = names
        self._keep = keep
        self._last: asyncio.Task[None] | None = None
        self._is_over = False
        self._clock = clock
        self.losses = losses
        self.outcome: Outcome = "ok"
        self.first_byte_s: float | None = None

    def usage(self) -> Usage:
        return self._usage

    def deliver_whole(self, body: bytes) -> bool:
        if self._options.framing != "whole" or self._keep is not None:
            return False
        self._respond(self._whole(body))
        return True

    async def deliver(self) -> None:
        exchange, response = self._exchange, self._response
        if self._options.framing == "whole":
            answer = self._whole(await response.read(_BODY_LIMIT_BYTES))
            self._respond(answer if self._keep is None else await self._keep(answer))
            return
        try:
            await self._pipe()
            if self._last is not None:
                await self._last
        finally:
            if self._last is not None:
                self._last.cancel()
        if not exchange.has_ended:
            exchange.end()

    async def _pipe(self) -> None:
        """A connection that breaks when the answer has ended breaks nothing of it."""
        try:
            await self._response.pipe(self._piece)
            self._events(self._decoder.close())
        except UpstreamError as error:
            if self._is_over:
                return
            if not self._exchange.has_begun:
                raise
            self._event(_fault(error))

    def _whole(self, body: bytes) -> bytes:
        self.first_byte_s = self._clock()
        answer = fold([*self._decoder.feed(body), *self._decoder.close()], self._upstream.dialect)
        self._usage = answer.usage
        if self._names:
            answer = restore_answer(answer, self._names)
        return self._client.encode_answer(answer, self._options)

    def _respond(self, answer: bytes) -> None:
        self._exchange.respond(200, self._headers(_HEADERS["whole"]), answer)

    def _piece(self, data: bytes) -> None:
        if self.first_byte_s is None:
            self.first_byte_s = self._clock()
        self._events(self._decoder.feed(data))

    def _events(self, events: Iterable[Event]) -> None:
        exchange, encode = self._exchange, self._encoder.feed
        pieces = []
        for event in events:
            if type(event) is UsageSeen:
                self._usage = event.usage
            elif type(event) is Fault:
                if not exchange.has_begun:
                    raise event.error("stream")
                self.outcome = "truncated"
                self._is_over = True
            elif type(event) is PartStart and self._names:
                event = restore_event(event, self._names)
            elif type(event) is Finish:
                self._is_over = True
                if self._keep is not None:
                    self._last = asyncio.get_running_loop().create_task(self._give_last(encode(event), self._keep))
                    continue
            pieces.append(encode(event))
        out = b"".join(pieces)
        if out:
            self._commit()
            exchange.write(out)

    async def _give_last(self, last: bytes, keep: Keep) -> None:
        given = await keep(last)
        self._commit()
        self._exchange.write(given)

    def _event(self, event: Event) -> None:
        self._events((event,))

    def _commit(self) -> None:
        if not self._exchange.has_begun:
            self._exchange.begin(200, self._headers(_HEADERS[self._options.framing]))

    def _headers(self, kind: bytes) -> bytes:
        losses = ", ".join(self.losses).encode("ascii")[:_LOSSES_LIMIT_BYTES]
        told = b"x-torouter-losses: %b\r\n" % losses if losses else b""
        return kind + told + self._call.headers_for(self._exchange.request_id)


def _translation(codec: Codec) -> Translation:
    assert codec.translation is not None, "routing offers only dialects that can be translated"
    return codec.translation


def _fault(error: UpstreamError) -> Fault:
    return Fault(kind=error.kind, message=error.message, code=error.code or "upstream_truncated")
