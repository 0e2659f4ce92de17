"""Another dialect: upstream bytes → events → the client's bytes. A whole answer is the same events, folded.

The client is given nothing before the first event that says something.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from torouter.canon.events import Event, Fault, Finish, PartDelta, PartStart, UsageSeen, says
from torouter.canon.fold import Answer, fold
from torouter.canon.joining import Joining
from torouter.canon.names import restore_answer, restore_event
from torouter.canon.resuming import Diverged
from torouter.canon.sealing import Sealer
from torouter.canon.stops import StopAt
from torouter.canon.usage import Usage
from torouter.codecs import AnswerOptions, Codec, Framing, Translation, answer_losses
from torouter.errors import UpstreamError
from torouter.relay.call import Call
from torouter.relay.estimate import BYTES_PER_TEXT_TOKEN, rough_tokens_of, size_bytes
from torouter.relay.failures import empty
from torouter.relay.holding import Held
from torouter.relay.losses import ANSWER, losses_block, told
from torouter.relay.passthrough import framing_of
from torouter.relay.resuming import Comparison
from torouter.units import Outcome
from torouter.wire.exchange import Exchange
from torouter.wire.upstream import Response

__all__ = ["GoOn", "Keep", "Reopen", "Reopened", "Sent", "Translated", "translation_of"]

GoOn = Callable[[Answer], Awaitable[Response] | None]
"""From an answer that its upstream paused to the one that goes on from there; `None` where none can be had."""
Keep = Callable[[bytes], Awaitable[bytes]]
"""From the last bytes of an answer to those that the client is given, when it has been kept."""
Reopen = Callable[[UpstreamError], Awaitable["Reopened | None"]]
"""From what broke an answer to another one of the same request; `None` where none can be had."""

_BODY_LIMIT_BYTES: Final = 64 * 1024 * 1024
_MAX_PAUSES: Final = 8
"""How often an answer is gone on with. What is paused once more ends there, as cut off."""
_HEADERS: Final[dict[Framing, bytes]] = {
    "whole": b"content-type: application/json\r\n",
    "array": b"content-type: application/json\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n",
    "sse": b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n",
}


class _Stopped(Exception):
    """The answer has ended, by a stop sequence or in an error, and what else is said of it is not waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the answer's way back must know of the request that was sent.

    `names`: what the upstream was told a tool is called → the client's own name. `stops`: stop sequences that it could
    not be told. `sealer` wraps the upstream's opaque state for the client. `keep` is set where the answer is to be
    kept: it gets the answer's last bytes, which wait for it, and gives those for the client. They wait in a task,
    because an upstream may leave its stream open behind the end. `go_on` asks for what follows a pause; `reopen`, where
    the policy allows it, for the whole answer once more when it broke off after it had begun.
    """

    options: AnswerOptions
    losses: tuple[str, ...]
    names: Mapping[str, str]
    stops: tuple[str, ...]
    sealer: Sealer
    keep: Keep | None
    go_on: GoOn
    reopen: Reopen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """The same request at another candidate: its answer, whose head has come, the candidate's codec, and what was
    sent to it."""

    response: Response
    codec: Codec
    sent: Sent


class Translated:
    """A `Delivery` through canon."""

    __slots__ = (
        "_answer",
        "_call",
        "_client",
        "_clock",
        "_comparison",
        "_decoder",
        "_encoder",
        "_exchange",
        "_go_on",
        "_has_heard",
        "_heard",
        "_held",
        "_is_over",
        "_joining",
        "_last",
        "_late",
        "_lost",
        "_pauses",
        "_response",
        "_said_bytes",
        "_sealer",
        "_sent",
        "_stop_at",
        "_upstream",
        "_usage",
        "claim",
        "failure",
        "first_byte_s",
        "outcome",
    )

    def __init__(
        self,
        exchange: Exchange,
        response: Response,
        call: Call,
        upstream: Codec,
        sent: Sent,
        clock: Callable[[], float],
    ) -> None:
        self._exchange = exchange
        self._response = response
        self._call = call
        self._upstream = upstream
        self._client = translation_of(call.codec)
        self._sent = sent
        self._decoder = translation_of(upstream).decoder(framing_of(response, "whole"))
        self._encoder = self._client.encoder(sent.options)
        self._go_on = sent.go_on
        self._sealer = sent.sealer
        self._stop_at = StopAt(sent.stops) if sent.stops else None
        is_compared = sent.reopen is not None and sent.options.framing != "whole"
        self._comparison = Comparison(sent.names) if is_compared else None
        self._joining = _joining(upstream)
        self._pauses = 0
        self._heard: list[Event] = []
        self._usage = Usage()
        self._answer: Answer | None = None
        self._said_bytes = 0
        self._last: asyncio.Task[None] | None = None
        self._clock = clock
        self._is_over = False
        self._has_heard = False
        self._held: Held | None = None
        self._late: Exception | None = None
        """What went wrong when the time was up, and nobody was there to be told."""
        self._lost = sent.losses
        self.claim: Callable[[], None] | None = None
        self.failure: UpstreamError | None = None
        self.outcome: Outcome = "ok"
        self.first_byte_s: float | None = None

    def usage(self) -> Usage:
        return self._usage

    def said_tokens(self) -> int:
        if self._answer is not None:
            return rough_tokens_of(self._answer.blocks)
        return self._said_bytes // BYTES_PER_TEXT_TOKEN

    @property
    def losses(self) -> tuple[str, ...]:
        """The request's, and those of the answer so far."""
        return (*self._lost, *told(self._encoder.losses, ANSWER))

    def deliver_whole(self, body: bytes) -> bool:
        if self._sent.options.framing != "whole" or self._sent.keep is not None:
            return False
        self._hear(body)
        if self._is_paused():
            return False
        self._respond(self._whole())
        return True

    async def deliver(self) -> None:
        exchange, response = self._exchange, self._response
        keep = self._sent.keep
        if self._sent.options.framing == "whole":
            if not self._heard:
                self._hear(await response.read(_BODY_LIMIT_BYTES))
            while self._is_paused() and await self._goes_on():
                self._hear(await self._response.read(_BODY_LIMIT_BYTES))
            answer = self._whole()
            self._respond(answer if keep is None else await keep(answer))
            return
        try:
            await self._pipe()
            if self._last is not None:
                await self._last
        finally:
            if self._last is not None:
                self._last.cancel()
            if self._held is not None:
                self._held.drop()
        if not exchange.has_ended:
            exchange.end()

    async def _pipe(self) -> None:
        """A connection that breaks when the answer has ended breaks nothing of it."""
        try:
            try:
                await self._pipe_all()
            except UpstreamError as error:
                if not await self._reopens(error):
                    raise
                await self._pipe_resumed(error)
        except _Stopped:  # the upstream would go on, at a price: its connection is dropped, and with it its last word
            if self._usage.quality == "none":
                self._usage = replace(self._usage, quality="partial")
        except UpstreamError as error:
            if self._is_over:
                return
            if not self._exchange.has_begun:
                raise self._late or error from None
            self._told((_fault(error),))

    async def _pipe_all(self) -> None:
        await self._pipe_one()
        while self._is_paused() and await self._goes_on():
            await self._pipe_one()

    async def _pipe_resumed(self, first: UpstreamError) -> None:
        """Of the second answer. The client is told what broke the first where this is another one."""
        try:
            await self._pipe_all()
        except Diverged:
            raise first from None

    async def _reopens(self, error: UpstreamError) -> bool:
        """Another answer to the same request, where the policy allows one, and once."""
        reopen, comparison = self._sent.reopen, self._comparison
        if reopen is None or comparison is None or comparison.is_used or self._is_over:
            return False
        if not self._exchange.has_begun or (reopened := await reopen(error)) is None:
            return False
        sent = reopened.sent
        self._response, self._upstream = reopened.response, reopened.codec
        self._decoder = translation_of(self._upstream).decoder(framing_of(self._response, "whole"))
        self._joining, self._go_on, self._sealer = _joining(self._upstream), sent.go_on, sent.sealer
        is_new_search = self._stop_at is None and bool(sent.stops)
        if is_new_search:
            self._stop_at = StopAt(sent.stops)
        comparison.go_on(sent.names, self._sealer, self._stop_at if is_new_search else None)
        if self._exchange.is_paused:
            self._response.pause()
        return True

    async def _pipe_one(self) -> None:
        await self._response.pipe(self._piece)
        self._events(self._decoder.close())

    def _is_paused(self) -> bool:
        return self._joining is not None and self._joining.paused is not None

    async def _goes_on(self) -> bool:
        """Asks the upstream for what follows its pause. Where that cannot be had the pause is the end after all."""
        joining = self._joining
        assert joining is not None
        assert joining.paused is not None, "there is a pause"
        self._pauses += 1
        asking = self._go_on(joining.paused) if self._pauses <= _MAX_PAUSES else None
        if asking is None:
            self._give_up(joining)
            return False
        self._response = await asking
        self._decoder = translation_of(self._upstream).decoder(framing_of(self._response, "whole"))
        joining.go_on()
        return True

    def _give_up(self, joining: Joining) -> None:
        if self._sent.options.framing == "whole":
            self._heard += joining.give_up()
        else:
            self._told(joining.give_up())

    def _hear(self, body: bytes) -> None:
        """A whole answer, or a part of one."""
        if not body or body.isspace():
            raise empty(self._response)
        if self.first_byte_s is None:
            self.first_byte_s = self._clock()
            self._response.begun()
        self._heard += self._joined([*self._decoder.feed(body), *self._decoder.close()])

    def _joined(self, events: Iterable[Event]) -> Iterable[Event]:
        return events if self._joining is None else self._joining.feed(events)

    def _whole(self) -> bytes:
        answer = fold(self._prepared(self._heard), self._upstream.dialect)
        self._usage, self._answer = answer.usage, answer
        if self._sent.names:
            answer = restore_answer(answer, self._sent.names)
        encoded = self._client.encode_answer(answer, self._sent.options)
        self._lost += told(answer_losses(answer, self._call.codec.dialect, self._sent.options), ANSWER)
        return encoded

    def _respond(self, answer: bytes) -> None:
        if self.claim is not None:
            self.claim()
        self._exchange.respond(200, self._headers(_HEADERS["whole"]), answer)

    def _piece(self, data: bytes) -> None:
        self._events(self._decoder.feed(data))
        if self._is_over and self._must_stop():
            raise _Stopped

    def _must_stop(self) -> bool:
        return self.failure is not None or (self._stop_at is not None and self._stop_at.has_matched)

    def _prepared(self, events: Iterable[Event]) -> Iterable[Event]:
        """State sealed, and no further than a stop sequence that is ours to find."""
        sealed, stop_at = map(self._sealer.feed, events), self._stop_at
        return sealed if stop_at is None else [out for event in sealed for out in stop_at.feed(event)]

    def _events(self, events: Iterable[Event]) -> None:
        joined = self._joined(events)
        if self._comparison is None:
            self._told(joined)
        else:
            self._compared(joined, self._comparison)

    def _compared(self, events: Iterable[Event], comparison: Comparison) -> None:
        is_first = not comparison.is_used
        out, error = comparison.feed(events)
        if out and not is_first:
            self._response.begun()
        self._told(out)
        if error is not None:
            raise self._failed(error)

    def _told(self, events: Iterable[Event]) -> None:
        encode = self._encoder.feed
        names, keep = self._sent.names if self._comparison is None else {}, self._sent.keep
        prepared = self._prepared(events)
        if self.first_byte_s is None:
            prepared = self._looked_at(prepared)
        pieces = []
        for event in prepared:
            if type(event) is PartDelta:
                self._said_bytes += size_bytes(event.text)
            elif type(event) is UsageSeen:
                self._usage = event.usage
            elif type(event) is Fault:
                self._broke(event)
            elif type(event) is PartStart and names:
                event = restore_event(event, names)
            elif type(event) is Finish:
                self._is_over = True
                if keep is not None:
                    self._last = asyncio.get_running_loop().create_task(self._give_last(encode(event), keep))
                    continue
            pieces.append(encode(event))
        out = b"".join(pieces)
        if out:
            self._give(out)

    def _broke(self, fault: Fault) -> None:
        error = fault.error("stream")
        if not self._exchange.has_begun:
            raise self._failed(error)
        self.outcome, self.failure = "truncated", error
        self._is_over = True

    def _failed(self, error: UpstreamError) -> UpstreamError:
        """Of a stream with nothing in it that it is cut says too little."""
        error.upstream_status = self._response.status
        if error.code == "upstream_truncated" and not self._has_heard:
            return empty(self._response)
        return error

    async def _give_last(self, last: bytes, keep: Keep) -> None:
        given = await keep(last)
        if not self._exchange.has_begun:
            given = self._begin(given)
        self._exchange.last()
        self._exchange.write(given)

    # The beginning

    def _looked_at(self, events: Iterable[Event]) -> Iterable[Event]:
        """While nothing has been said: does one of these say anything?"""
        looked_at = list(events)
        if any(map(says, looked_at)):
            self.first_byte_s = self._clock()
            self._response.begun()
        self._has_heard = self._has_heard or any(type(event) is not Fault for event in looked_at)
        return looked_at

    def _give(self, out: bytes) -> None:
        exchange = self._exchange
        if not exchange.has_begun:
            if self.first_byte_s is None and self._is_held(out):
                return
            out = self._begin(out if self.first_byte_s is not None else b"")
        if self._is_over and self._last is None:
            exchange.last()
        exchange.write(out)

    def _is_held(self, out: bytes) -> bool:
        if self._held is None:
            self._held = Held()
        return self._held.keep(out, self._time_is_up)

    def _begin(self, out: bytes) -> bytes:
        """Commits: from here on there is no other channel. What has been held goes first."""
        if self.claim is not None:
            self.claim()
        self._exchange.begin(200, self._headers(_HEADERS[self._sent.options.framing]))
        return out if self._held is None else self._held.take() + out

    def _time_is_up(self) -> None:
        try:
            self._exchange.write(self._begin(b""))
        except Exception as error:  # whoever waits for the answer is to be told
            self._late = error
            self._response.close()

    def _headers(self, kind: bytes) -> bytes:
        return kind + losses_block(self._lost) + self._call.headers_for(self._exchange.request_id)


def translation_of(codec: Codec) -> Translation:
    assert codec.translation is not None, "routing offers only dialects that can be translated"
    return codec.translation


def _joining(upstream: Codec) -> Joining | None:
    spoken = translation_of(upstream)
    return None if spoken.resume is None else Joining(upstream.dialect, keeps_blocks=spoken.resumes_with_blocks)


def _fault(error: UpstreamError) -> Fault:
    return Fault(kind=error.kind, message=error.message, code=error.code or "upstream_truncated")
