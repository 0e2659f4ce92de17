"""Same dialect: the upstream's bytes go to the client as they came, while a tap watches them.

A chat stream is given in whole events, from the first that says something; one JSON body when all of it is there. So an
answer that fails at its beginning has not begun, and one that fails later never ends like a whole one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torouter.canon.usage import Usage
from torouter.codecs import (
    BrokenStream,
    ByteFilter,
    Framing,
    Opening,
    UpstreamFault,
    early_error,
    error_within,
    is_plain,
    says_nothing,
)
from torouter.errors import UpstreamError
from torouter.relay.call import Call
from torouter.relay.failures import broken, empty, fault_in, malformed, truncated
from torouter.relay.framing import EVENT_ENDS, WholeElements, WholeEvents
from torouter.relay.holding import Held
from torouter.relay.reckoning import SAMPLE_BYTES, streamed_tokens
from torouter.units import Outcome
from torouter.wire.exchange import Exchange
from torouter.wire.headers import client_block
from torouter.wire.upstream import Response

__all__ = ["Passthrough", "framing_of"]

_JSON: Final = frozenset({"chat", "count_tokens", "embeddings"})
"""Operations whose whole answers are read to their end before anything is given."""
_BODY_BYTES: Final = 8 * 1024 * 1024
"""A body beyond this is given as it comes."""
_OPENS: Final = (b"{", b"[")


def framing_of(response: Response, wanted: Framing) -> Framing:
    """How the answer really comes: an upstream may answer a stream request with one JSON body."""
    if response.header(b"content-type").lower().startswith(b"text/event-stream"):
        return "sse"
    return "array" if wanted == "array" else "whole"


class Passthrough:
    """A `Delivery` of bytes. `withhold` is set where the usage chunk was asked for by us and not by the client."""

    __slots__ = (
        "_body",
        "_call",
        "_clock",
        "_events",
        "_exchange",
        "_filter",
        "_framing",
        "_held",
        "_late",
        "_opening",
        "_response",
        "_sample",
        "_sample_bytes",
        "_seen_bytes",
        "_tap",
        "claim",
        "failure",
        "first_byte_s",
        "losses",
        "outcome",
    )

    def __init__(
        self,
        exchange: Exchange,
        response: Response,
        call: Call,
        withhold: ByteFilter | None,
        losses: tuple[str, ...],
        clock: Callable[[], float],
    ) -> None:
        self._exchange = exchange
        self._response = response
        self._call = call
        self._framing: Framing = framing_of(response, call.framing)
        self._filter = withhold if self._framing == "sse" else None
        self._tap = call.codec.tap(call.operation, self._framing)
        self._sample: list[bytes] = []
        self._sample_bytes = SAMPLE_BYTES[self._framing]
        self._seen_bytes = 0
        self._clock = clock
        self._body: list[bytes] = []
        self._opening: Opening | None = None
        self._events: WholeEvents | WholeElements | None = WholeElements() if self._framing == "array" else None
        """Set while half an event is there, and for arrays always."""
        self._held: Held | None = None
        self._late: Exception | None = None
        """What went wrong when the time was up, and nobody was there to be told."""
        self.claim: Callable[[], None] | None = None
        self.failure: UpstreamError | None = None
        self.outcome: Outcome = "ok"
        self.losses = losses
        self.first_byte_s: float | None = None

    def usage(self) -> Usage:
        return self._tap.usage()

    def said_tokens(self) -> int:
        """From the sizes: the share of text in the first pieces is taken for that of all of them."""
        if self._call.operation != "chat":
            return 0
        return streamed_tokens(self._call.codec, self._framing, b"".join(self._sample), self._seen_bytes)

    def deliver_whole(self, body: bytes) -> bool:
        if self._filter is not None:
            return False
        if self._is_chat_stream():
            return self._respond_stream(body)
        self._respond(body)
        return True

    async def deliver(self) -> None:
        try:
            await self._response.pipe(self._sink())
            self._close()
        except BrokenStream as stop:
            self._broke(stop)
        except UpstreamError as error:
            if isinstance(self._late, BrokenStream):
                self._broke(self._late)
            else:
                self._cut(self._late or error)
        finally:
            if self._held is not None:
                self._held.drop()

    # Whole answers

    def _respond(self, body: bytes) -> None:
        """Of a body that is whole. What is settled has the status of the answer, which is not begun yet."""
        self._raise_error(early_error(body), body)
        self._see(body)
        self._tap.feed(body)
        if self._call.operation == "chat" and not is_plain(body):
            self._raise_error(error_within(body), body)
            if says_nothing(body):
                raise empty(self._response)
        if self._call.operation in _JSON:
            if not body or body.isspace():
                raise empty(self._response)
            if (not self._tap.is_finished or body.lstrip()[:1] not in _OPENS) and not self._is_packed():
                raise malformed(self._response, body)
        self.first_byte_s = self._clock()
        self._claim()
        self._exchange.respond(self._response.status, self._headers(), body)

    def _is_packed(self) -> bool:
        """Some upstreams compress although asked not to: nobody can say then what is in it."""
        return self._response.header(b"content-encoding") not in (b"", b"identity")

    def _respond_stream(self, body: bytes) -> bool:
        """Of a stream that is all there. What is not plain about one is for `deliver` to find out."""
        codec, framing = self._call.codec, self._framing
        if framing == "sse" and not body.endswith(EVENT_ENDS):
            return False
        if Opening(codec.opens, is_array=framing == "array").feed(body) != "something":
            return False
        tap = codec.tap("chat", framing)
        try:
            tap.feed(body)
        except BrokenStream:
            return False
        if not tap.is_finished or tap.fault:
            return False
        self._tap = tap
        self._see(body)
        self.first_byte_s = self._clock()
        self._claim()
        self._exchange.respond(self._response.status, self._headers(), body)
        return True

    def _collected(self, data: bytes) -> None:
        if self._exchange.has_begun:
            self._passed(data)
            return
        if not self._body:
            self._response.begun()
        self._body.append(data)
        self._seen_bytes += len(data)
        if self._seen_bytes > _BODY_BYTES:
            self._seen_bytes = 0
            body = b"".join(self._body)
            self._opaque(body)

    # Streams

    def _sink(self) -> Callable[[bytes], None]:
        if self._is_chat_stream():
            return self._piece
        is_collected = self._framing == "whole" and self._call.operation in _JSON
        return self._collected if is_collected else self._opaque

    def _piece(self, data: bytes) -> None:
        """Of a chat stream. Nearly every piece is one whole event, or several."""
        if self._events is not None or not data.endswith(EVENT_ENDS):
            data = self._whole_events(data)
        if self.first_byte_s is None:
            data = self._opened(data)
        if data:
            self._passed(data)

    def _whole_events(self, data: bytes) -> bytes:
        events = self._events = self._events or WholeEvents()
        data = events.feed(data)
        if not events.is_midway:
            self._events = None
        return data

    def _opaque(self, data: bytes) -> None:
        if self.first_byte_s is None:
            self._raise_error(early_error(data), data)
            self._begun()
            self._begin()
        self._passed(data)

    def _passed(self, data: bytes) -> None:
        seen = self._seen_bytes
        self._seen_bytes = seen + len(data)
        if seen < self._sample_bytes:
            self._sample.append(data)
        if self._tap.feed(data):
            self._note_fault()
            self._exchange.last()
        self._exchange.write(data if self._filter is None else self._filter.feed(data))

    def _see(self, body: bytes) -> None:
        self._sample = [body]
        self._seen_bytes = len(body)

    # The beginning

    def _opened(self, data: bytes) -> bytes:
        """What may be given now: nothing, until something is said."""
        opening = self._opening = self._opening or self._new_opening()
        found = opening.feed(data)
        is_given = self._exchange.has_begun
        if found == "something":
            self._begun()
        elif is_given:
            return data
        elif found != "nothing":
            raise self._refusal(found, data)
        held = self._held
        if held is None:
            if found == "something":
                self._begin()
                return data
            held = self._held = Held()
        if found == "something" or not held.keep(data, self._time_is_up):
            return self._released(held, data if found == "something" else b"")
        return b""

    def _released(self, held: Held, data: bytes) -> bytes:
        if not self._exchange.has_begun:
            self._begin()
        return held.take() + data

    def _new_opening(self) -> Opening:
        return Opening(self._call.codec.opens, is_array=self._framing == "array")

    def _time_is_up(self) -> None:
        assert self._held is not None
        try:
            self._passed(self._released(self._held, b""))
        except Exception as error:  # whoever waits for the answer is to be told
            self._late = error
            self._response.close()

    def _begun(self) -> None:
        self.first_byte_s = self._clock()
        self._response.begun()

    def _raise_error(self, fault: UpstreamFault | None, data: bytes) -> None:
        """An error in the place of an answer, while another channel can still be asked."""
        if fault is not None:
            raise broken(fault, self._response, data, "body" if self._framing == "whole" else "stream")

    def _refusal(self, found: str, data: bytes) -> UpstreamError:
        if found == "error" and self._opening is not None:
            return fault_in(self._opening.fault, self._response)
        return malformed(self._response, data)

    def _begin(self) -> None:
        """Commits: from here on there is no other channel."""
        self._claim()
        length = self._response.header(b"content-length")
        is_length_kept = length and self._framing == "whole"
        self._exchange.begin(self._response.status, self._headers(), int(length) if is_length_kept else None)

    def _claim(self) -> None:
        if self.claim is not None:
            self.claim()

    def _headers(self) -> bytes:
        return client_block(self._response.headers) + self._call.headers_for(self._exchange.request_id)

    # The end

    def _close(self) -> None:
        """The upstream's bytes have ended in good order."""
        exchange = self._exchange
        if self._is_chat_stream():
            self._close_stream()
        elif not exchange.has_begun and self._framing == "whole" and self._call.operation in _JSON:
            self._respond(b"".join(self._body))
            return
        elif not exchange.has_begun:
            self._begin()
        self._note_fault()
        exchange.end()

    def _close_stream(self) -> None:
        """An event without its blank line counts if it is whole, and goes as it came."""
        rest = b"" if self._events is None else self._events.rest()
        if self.first_byte_s is None:
            self._open_late(rest)
        if rest:
            self._tap.feed(rest)
        if not self._tap.is_finished:
            raise truncated(self._response)
        self._exchange.write(rest if self._filter is None else self._filter.feed(rest) + self._filter.close())

    def _open_late(self, rest: bytes) -> None:
        opening = self._opening = self._opening or self._new_opening()
        found = opening.rest(rest)
        if found == "something":
            self._begun()
        elif found != "nothing":
            raise self._refusal(found, rest)
        elif not self._exchange.has_begun:
            raise truncated(self._response) if opening.has_events else empty(self._response)
        if not self._exchange.has_begun:
            self._begin()
        if self._held is not None:
            self._passed(self._held.take())

    def _broke(self, stop: BrokenStream) -> None:
        """An event that nobody may be given. Behind the end of an answer it takes nothing back."""
        exchange = self._exchange
        if exchange.has_begun:
            exchange.write(stop.good if self._filter is None else self._filter.feed(stop.good))
        if exchange.has_begun and self._tap.is_finished and not self._tap.fault:
            exchange.end()
        elif stop.code == "upstream_truncated":
            self._cut(truncated(self._response))
        else:
            self._cut(malformed(self._response, b""))

    def _cut(self, error: Exception) -> None:
        """The upstream broke off: raised where nothing was given yet, else the dialect's error form, no terminator.
        A whole body that was cut has no such form: the connection is dropped, and the client sees the length unmet."""
        exchange = self._exchange
        if not exchange.has_begun or not isinstance(error, UpstreamError):
            raise error
        self.outcome, self.failure = "truncated", error
        if self._framing == "whole":
            exchange.abort()
            return
        is_torn = self._framing == "sse" and (not self._is_chat_stream() or self._is_torn())
        if is_torn:
            exchange.write(b"\n\n")  # ends the event in which the upstream broke off, if it did
        request_id = exchange.request_id.decode("ascii")
        said = self._call.codec.render_stream_error(error, request_id, self._framing)
        is_unopened = self._framing == "array" and not self._seen_bytes
        exchange.write(b"[" + said.removeprefix(b",") if is_unopened else said)
        exchange.end()

    def _is_torn(self) -> bool:
        return self._events is not None and self._events.is_torn

    def _note_fault(self) -> None:
        """The upstream's own error, within what it said: the client has it."""
        if self._tap.fault:
            self.outcome, self.failure = "truncated", fault_in(self._tap.fault, self._response)

    def _is_chat_stream(self) -> bool:
        """No other answer has a terminal marker of its own."""
        return self._framing != "whole" and self._call.operation == "chat"
