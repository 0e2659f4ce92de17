"""Same dialect: the upstream's bytes go to the client as they came, while a tap watches them."""

from __future__ import annotations

from collections.abc import Callable

from torouter.canon.usage import Usage
from torouter.codecs import ByteFilter, Framing, early_error
from torouter.errors import UpstreamError
from torouter.relay.call import Call
from torouter.relay.delivery import Outcome
from torouter.relay.reckoning import SAMPLE_BYTES, streamed_tokens
from torouter.wire.exchange import Exchange
from torouter.wire.headers import client_block
from torouter.wire.upstream import Response

__all__ = ["Passthrough", "framing_of"]


def framing_of(response: Response, wanted: Framing) -> Framing:
    """How the answer really comes: an upstream may answer a stream request with one JSON body."""
    if response.header(b"content-type").startswith(b"text/event-stream"):
        return "sse"
    return "array" if wanted == "array" else "whole"


class Passthrough:
    """A `Delivery` of bytes. `withhold` is set where the usage chunk was asked for by us and not by the client."""

    __slots__ = (
        "_call",
        "_clock",
        "_exchange",
        "_filter",
        "_framing",
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
        self.first_byte_s = self._clock()
        self._raise_early_error(body)
        self._sample.append(body)
        self._seen_bytes = len(body)
        self._tap.feed(body)  # what is settled has the status of the answer, which is not begun yet
        if self._is_cut_short():
            if body:
                self._begin()
                self._exchange.write(body)
            self._cut(_truncated())
        else:
            self._exchange.respond(self._response.status, self._headers(), body)
        return True

    async def deliver(self) -> None:
        exchange, response = self._exchange, self._response
        try:
            await response.pipe(self._filtered if self._filter is not None else self._piece)
        except UpstreamError as error:
            self._cut(error)
            return
        if self._filter is not None and (rest := self._filter.close()):
            exchange.write(rest)
        if self._is_cut_short():
            self._cut(_truncated())
        else:
            self._begin()
            exchange.end()

    def _piece(self, data: bytes) -> None:
        if self.first_byte_s is None:
            self._raise_early_error(data)
            self._begin()
        seen = self._seen_bytes
        self._seen_bytes = seen + len(data)
        if seen < self._sample_bytes:
            self._sample.append(data)
        if self._tap.feed(data):
            self._exchange.last()
        self._exchange.write(data)

    def _filtered(self, data: bytes) -> None:
        assert self._filter is not None
        if self.first_byte_s is None:
            self._raise_early_error(data)
            self._begin()
        self._look(data)
        self._exchange.write(self._filter.feed(data))

    def _look(self, data: bytes) -> None:
        seen = self._seen_bytes
        self._seen_bytes = seen + len(data)
        if seen < self._sample_bytes:
            self._sample.append(data)
        if self._tap.feed(data):
            self._exchange.last()

    def _raise_early_error(self, data: bytes) -> None:
        """An error in the place of an answer, while another channel can still be asked."""
        fault = early_error(data)
        if fault is not None:
            raise UpstreamError(
                fault.message,
                phase="body" if self._framing == "whole" else "stream",
                upstream_status=self._response.status,
                body=data,
                kind=fault.kind,
                code=fault.code,
                param=fault.param,
                retry_after_s=fault.retry_after_s,
            )

    def _begin(self) -> None:
        """Commits: from here on there is no other channel."""
        if self._exchange.has_begun:
            return
        self.first_byte_s = self._clock()
        length = self._response.header(b"content-length")
        is_length_kept = length and self._framing == "whole"
        self._exchange.begin(self._response.status, self._headers(), int(length) if is_length_kept else None)

    def _headers(self) -> bytes:
        return client_block(self._response.headers) + self._call.headers_for(self._exchange.request_id)

    def _is_cut_short(self) -> bool:
        """Of a chat stream only: no other answer has a terminal marker of its own."""
        return self._framing != "whole" and self._call.operation == "chat" and not self._tap.is_finished

    def _cut(self, error: UpstreamError) -> None:
        """The upstream broke off: raised where nothing was given yet, else the dialect's error form, no terminator.
        A whole body that was cut has no such form: the connection is dropped, and the client sees the length unmet."""
        exchange = self._exchange
        if not exchange.has_begun:
            raise error
        self.outcome = "truncated"
        if self._framing == "whole":
            exchange.abort()
            return
        if self._framing == "sse":
            exchange.write(b"\n\n")  # ends the event in which the upstream broke off, if it did
        request_id = exchange.request_id.decode("ascii")
        exchange.write(self._call.codec.render_stream_error(error, request_id, self._framing))
        exchange.end()


def _truncated() -> UpstreamError:
    return UpstreamError(
        "The upstream's stream ended before its answer did.", phase="stream", code="upstream_truncated"
    )
