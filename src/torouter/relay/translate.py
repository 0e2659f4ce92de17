"""Another dialect: upstream bytes → events → the client's bytes. A whole answer is the same events, folded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from torouter.canon.events import Event, Fault, PartStart, UsageSeen
from torouter.canon.fold import fold
from torouter.canon.losses import Loss
from torouter.canon.names import restore_answer, restore_event
from torouter.canon.sealing import Sealer
from torouter.canon.usage import Usage
from torouter.codecs import AnswerOptions, Codec, Framing, Translation
from torouter.errors import UpstreamError
from torouter.relay.call import Call
from torouter.relay.delivery import Outcome
from torouter.relay.passthrough import framing_of
from torouter.wire.exchange import Exchange
from torouter.wire.upstream import Response

__all__ = ["Translated", "losses_header"]

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
    """A `Delivery` through canon. `names`: what the upstream was told a tool is called → the client's own name."""

    __slots__ = (
        "_call",
        "_client",
        "_clock",
        "_decoder",
        "_encoder",
        "_exchange",
        "_names",
        "_options",
        "_response",
        "_sealer",
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
        *,
        losses: tuple[str, ...],
        names: Mapping[str, str],
        sealer: Sealer,
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
        self._sealer = sealer
        self._clock = clock
        self.losses = losses
        self.outcome: Outcome = "ok"
        self.first_byte_s: float | None = None

    def usage(self) -> Usage:
        return self._usage

    def deliver_whole(self, body: bytes) -> bool:
        if self._options.framing != "whole":
            return False
        self.first_byte_s = self._clock()
        events = [*self._decoder.feed(body), *self._decoder.close()]
        answer = fold(map(self._sealer.feed, events), self._upstream.dialect)
        self._usage = answer.usage
        if self._names:
            answer = restore_answer(answer, self._names)
        self._exchange.respond(200, self._headers(_HEADERS["whole"]), self._client.encode_answer(answer, self._options))
        return True

    async def deliver(self) -> None:
        exchange, response = self._exchange, self._response
        if self._options.framing == "whole":
            self.deliver_whole(await response.read(_BODY_LIMIT_BYTES))
            return
        try:
            await response.pipe(self._piece)
            self._events(self._decoder.close())
        except UpstreamError as error:
            if not exchange.has_begun:
                raise
            self._event(_fault(error))
        if not exchange.has_ended:
            exchange.end()

    def _piece(self, data: bytes) -> None:
        if self.first_byte_s is None:
            self.first_byte_s = self._clock()
        self._events(self._decoder.feed(data))

    def _events(self, events: Iterable[Event]) -> None:
        exchange, encode = self._exchange, self._encoder.feed
        pieces = []
        for event in map(self._sealer.feed, events):
            if type(event) is UsageSeen:
                self._usage = event.usage
            elif type(event) is Fault:
                if not exchange.has_begun:
                    raise event.error("stream")
                self.outcome = "truncated"
            elif type(event) is PartStart and self._names:
                event = restore_event(event, self._names)
            pieces.append(encode(event))
        out = b"".join(pieces)
        if out:
            self._commit()
            exchange.write(out)

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
