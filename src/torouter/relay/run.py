"""The straight line itself: for each candidate one attempt, from the original request, until one is delivered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Final

from torouter.access.admission import Admission
from torouter.canon.usage import Usage
from torouter.codecs import Codec
from torouter.errors import RequestError, RoutingError, TorouterError, UpstreamError
from torouter.ledger.books import Books
from torouter.relay.attempt import Attempt, ByteAttempt, CanonAttempt
from torouter.relay.call import Call
from torouter.relay.continuity import Continuity, Conversation, capsules_in_body
from torouter.relay.count import ByteCountAttempt, CountAttempt
from torouter.relay.counters import Counters
from torouter.relay.delivery import Delivery, Outcome
from torouter.relay.embed import EmbedAttempt
from torouter.relay.error_answer import read_error_answer
from torouter.relay.losses import refused_field
from torouter.relay.record import usage_row
from torouter.relay.tokens import Tokenizer
from torouter.relay.turn import Keeper, Turn
from torouter.relay.verdict import exhausted, is_channels_fault, may_try_next
from torouter.routing.cooling import Cooling
from torouter.routing.pick import order, preferring
from torouter.routing.snapshot import Candidate
from torouter.wire.exchange import Exchange
from torouter.wire.fetch import Fetcher
from torouter.wire.upstream import Request, Response, Upstream

__all__ = ["Relay"]

_log = logging.getLogger("torouter.relay")

_NO_USAGE: Final = Usage()


class Relay:
    """Serves admitted requests. One per process; `clock` is monotonic seconds, `draw` gives numbers in [0, 1).
    `fetcher` follows links for upstreams that do not (`None`: nobody does)."""

    def __init__(
        self,
        *,
        upstreams: Mapping[str, Upstream],
        books: Books,
        continuity: Continuity,
        counters: Counters,
        keeper: Keeper,
        max_switches: int,
        clock: Callable[[], float],
        draw: Callable[[], float],
        fetcher: Fetcher | None = None,
    ) -> None:
        self._upstreams = upstreams
        self._books = books
        self._continuity = continuity
        self._counters = counters
        self._keeper = keeper
        self._max_attempts = max_switches + 1
        self._clock = clock
        self._draw = draw
        self._fetcher = fetcher
        self._cooling = Cooling()
        self._tokenizer = Tokenizer()

    async def run(self, exchange: Exchange, admission: Admission, call: Call) -> None:
        """Answers the exchange, or raises the `TorouterError` to answer it with. Settles in any case."""
        passage = _Passage(exchange, admission, call)
        self._counters.in_flight += 1
        try:
            await self._serve(passage)
        except TorouterError as error:
            passage.refused_with(error)
            raise
        except asyncio.CancelledError:
            passage.outcome, passage.status = "client_left", 499
            raise
        finally:
            passage.close()
            self._settle(passage)

    async def _serve(self, passage: _Passage) -> None:
        """Asks one candidate after the other. What one cannot be sent another may take, and the first refusal is told
        only where nobody took it."""
        passage.turn = turn = self._keeper.turn(passage.exchange, passage.admission, passage.call)
        if turn is not None and turn.refers:
            await turn.recall(passage.call)
            passage.admission = turn.admission
        last: UpstreamError | None = None
        refusal: RequestError | None = None
        for candidate in islice(await self._ordered(passage), self._max_attempts):
            passage.candidate = candidate
            passage.switches += 1
            try:
                await self._try(passage, candidate)
            except UpstreamError as error:
                if not may_try_next(error):
                    raise
                last = error
                if is_channels_fault(error):
                    self._failed(candidate, error, passage.exchange)
                passage.drop()
            except RequestError as error:
                if passage.exchange.has_begun:
                    raise
                refusal = refusal or error
            else:
                return
        if last is not None:
            raise exhausted(last)
        raise refusal or RoutingError("No channel can serve this model right now.", type="upstream_unavailable")

    async def _try(self, passage: _Passage, candidate: Candidate) -> None:
        """Raises `RequestError` for what this candidate cannot be sent, and `UpstreamError` while nothing has been
        given to the client."""
        exchange = passage.exchange
        attempt = await self._attempt(passage, candidate)
        request, response = attempt.request(), None
        if request is not None:
            response = passage.response = await self._upstreams[request.origin.scheme].send(request)
            if response.status >= 400 and (error := await _refusal(attempt, response)) is not None:
                passage.outcome = "upstream_error"
                attempt.answer_error(response, error)
                passage.status = exchange.status
                return
        delivery = passage.delivery = attempt.delivery(response)
        body = None if response is None else response.body
        if body is None or not delivery.deliver_whole(body):
            if response is not None:
                exchange.on_pause, exchange.on_resume = response.pause, response.resume
            await delivery.deliver()
        passage.outcome, passage.status = delivery.outcome, exchange.status
        if request is not None:
            self._cooling.succeeded(candidate.channel.name)

    async def _ordered(self, passage: _Passage) -> Iterator[Candidate]:
        """A conversation that holds somebody's state goes there first, where there is a choice."""
        admission, call, now_s = passage.admission, passage.call, self._clock()
        ordered = order(admission.route, self._cooling, now_s, self._draw)
        if call.operation != "chat" or not admission.route.has_choice:
            return ordered
        if admission.route.is_translated:
            capsules = (await self._conversation(passage)).capsules()
        else:
            capsules = capsules_in_body(passage.exchange.body)
        scopes = self._continuity.scopes(admission, capsules) if capsules else ()
        return iter(preferring(scopes, ordered, self._cooling, now_s)) if scopes else ordered

    async def _conversation(self, passage: _Passage) -> Conversation:
        """Decoded once for all candidates. Raises `RequestError`."""
        if passage.conversation is None:
            passage.conversation = await self._continuity.read(passage.exchange, passage.admission, passage.call)
        return passage.conversation

    async def _attempt(self, passage: _Passage, candidate: Candidate) -> Attempt:
        """Bytes where the candidate speaks the client's dialect, else by way of canon."""
        exchange, admission, call, clock = passage.exchange, passage.admission, passage.call, self._clock
        is_same = candidate.dialect == call.codec.dialect
        if call.operation == "count_tokens":
            if is_same and candidate.target.operation == "count_tokens":
                return ByteCountAttempt(exchange, admission, call, candidate, clock, self._tokenizer)
            return CountAttempt(exchange, call, candidate, clock, self._tokenizer)
        if is_same:
            return ByteAttempt(exchange, admission, call, candidate, clock)
        if call.operation == "embeddings":
            return EmbedAttempt(exchange, admission, call, candidate, clock, self._tokenizer, self._fetch)
        conversation = await self._conversation(passage)
        go_on = partial(self._go_on, passage)
        attempt = CanonAttempt(exchange, admission, call, candidate, conversation, passage.turn, clock, go_on)
        if self._fetcher is not None:
            await attempt.follow_links(self._fetcher)
        return attempt

    async def _go_on(self, passage: _Passage, codec: Codec, request: Request) -> Response:
        """The next piece of an answer that its upstream gives in several."""
        exchange = passage.exchange
        if passage.response is not None:
            passage.response.close()
        response = passage.response = await self._upstreams[request.origin.scheme].send(request)
        if response.status >= 400:
            raise await read_error_answer(codec, response)
        exchange.on_pause, exchange.on_resume = response.pause, response.resume
        return response

    async def _fetch(self, codec: Codec, request: Request, limit_bytes: int) -> bytes:
        """The body of an answer to a further request of an attempt that needs several."""
        response = await self._upstreams[request.origin.scheme].send(request)
        try:
            if response.status >= 400:
                raise await read_error_answer(codec, response)
            return await response.read(limit_bytes)
        finally:
            response.close()

    def _failed(self, candidate: Candidate, error: UpstreamError, exchange: Exchange) -> None:
        channel = candidate.channel.name
        self._counters.attempt_failures[channel, error.upstream_status] += 1
        self._cooling.failed(channel, self._clock(), error.retry_after_s)
        _log.warning(
            "attempt failed request_id=%s channel=%s phase=%s upstream_status=%d kind=%s",
            exchange.request_id.decode("ascii"),
            channel,
            error.phase,
            error.upstream_status,
            error.kind,
        )

    def _settle(self, passage: _Passage) -> None:
        delivery, candidate, call = passage.delivery, passage.candidate, passage.call
        usage = _NO_USAGE if delivery is None else delivery.usage()
        latency_s = self._clock() - passage.exchange.started_s
        channel = "" if candidate is None else candidate.channel.name
        self._counters.settled((call.codec.dialect, call.operation, passage.status), channel, usage, latency_s)
        self._books.settle(
            usage_row(
                passage.exchange,
                passage.admission,
                call,
                candidate,
                delivery,
                usage,
                status=passage.status,
                outcome=passage.outcome,
                losses=passage.refused if delivery is None else delivery.losses,
                switches=passage.switches,
                latency_s=latency_s,
            )
        )


class _Passage:
    """One request on its way, and how far it has come: what is written down in the end."""

    # Class attributes are the defaults: a small request never sets most of them.
    candidate: Candidate | None = None
    conversation: Conversation | None = None
    delivery: Delivery | None = None
    response: Response | None = None
    turn: Turn | None = None
    outcome: Outcome = "fault"
    status = 500
    switches = -1
    refused: tuple[str, ...] = ()

    def __init__(self, exchange: Exchange, admission: Admission, call: Call) -> None:
        self.exchange = exchange
        self.admission = admission
        self.call = call

    def refused_with(self, error: TorouterError) -> None:
        self.status = error.status
        if isinstance(error, UpstreamError):
            self.outcome = "upstream_error"
        else:
            self.outcome, self.refused = "refused", refused_field(error)

    def drop(self) -> None:
        """What the last candidate said is not the answer."""
        self.delivery = None
        if self.response is not None:
            self.response.close()
            self.response = None

    def close(self) -> None:
        exchange = self.exchange
        if exchange.on_pause is not None:
            exchange.on_pause = exchange.on_resume = None
        if self.response is not None:
            self.response.close()


async def _refusal(attempt: Attempt, response: Response) -> UpstreamError | None:
    """An upstream's error answer that is to be the client's; `None` where the attempt can do without. Raises one that
    another channel may not give."""
    error = await read_error_answer(attempt.codec, response)
    if attempt.may_do_without(error):
        return None
    if may_try_next(error):
        raise error
    return error
