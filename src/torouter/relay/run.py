"""The straight line itself: for each candidate one attempt, from the original request, until one is delivered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Final

from torouter.access.admission import Admission
from torouter.canon.usage import Usage
from torouter.codecs import Codec
from torouter.errors import RoutingError, TorouterError, UpstreamError
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
        candidate: Candidate | None = None
        delivery: Delivery | None = None
        response: Response | None = None
        last: UpstreamError | None = None
        conversation: Conversation | None = None
        outcome: Outcome = "fault"
        refused: tuple[str, ...] = ()
        status, switches = 500, -1
        self._counters.in_flight += 1
        try:
            turn = self._keeper.turn(exchange, admission, call)
            if turn is not None and turn.refers:
                await turn.recall(call)
                admission = turn.admission
            if admission.route.is_translated and call.operation == "chat":
                conversation = await self._continuity.read(exchange, admission, call)
            ordered = self._order(exchange, admission, call, conversation)
            for candidate in islice(ordered, self._max_attempts):
                switches += 1
                if conversation is None and call.operation == "chat" and candidate.dialect != call.codec.dialect:
                    conversation = await self._continuity.read(exchange, admission, call)
                attempt = self._attempt(exchange, admission, call, candidate, conversation, turn)
                if self._fetcher is not None and isinstance(attempt, CanonAttempt):
                    await attempt.follow_links(self._fetcher)
                request = attempt.request()
                try:
                    if request is not None:
                        response = await self._upstreams[request.origin.scheme].send(request)
                        if response.status >= 400 and (error := await _refusal(attempt, response)) is not None:
                            outcome = "upstream_error"
                            attempt.answer_error(response, error)
                            status = exchange.status
                            return
                    delivery = attempt.delivery(response)
                    body = None if response is None else response.body
                    if body is None or not delivery.deliver_whole(body):
                        if response is not None:
                            exchange.on_pause, exchange.on_resume = response.pause, response.resume
                        await delivery.deliver()
                except UpstreamError as error:
                    if not may_try_next(error):
                        raise
                    last = error
                    if is_channels_fault(error):
                        self._failed(candidate, error, exchange)
                    delivery = None
                    if response is not None:
                        response.close()
                        response = None
                else:
                    outcome, status = delivery.outcome, exchange.status
                    if request is not None:
                        self._cooling.succeeded(candidate.channel.name)
                    return
            if last is None:
                raise RoutingError("No channel can serve this model right now.", type="upstream_unavailable")
            raise exhausted(last)
        except TorouterError as error:
            outcome = "upstream_error" if isinstance(error, UpstreamError) else "refused"
            status = error.status
            if outcome == "refused":
                refused = refused_field(error)
            raise
        except asyncio.CancelledError:
            outcome, status = "client_left", 499
            raise
        finally:
            if exchange.on_pause is not None:
                exchange.on_pause = exchange.on_resume = None
            if response is not None:
                response.close()
            self._settle(exchange, admission, call, candidate, delivery, status, outcome, refused, switches)

    def _attempt(
        self,
        exchange: Exchange,
        admission: Admission,
        call: Call,
        candidate: Candidate,
        conversation: Conversation | None,
        turn: Turn | None,
    ) -> Attempt:
        """Bytes where the candidate speaks the client's dialect, else by way of canon."""
        is_same = candidate.dialect == call.codec.dialect
        if call.operation == "count_tokens":
            if is_same and candidate.target.operation == "count_tokens":
                return ByteCountAttempt(exchange, admission, call, candidate, self._clock, self._tokenizer)
            return CountAttempt(exchange, call, candidate, self._clock, self._tokenizer)
        if call.operation == "embeddings" and not is_same:
            return EmbedAttempt(exchange, admission, call, candidate, self._clock, self._tokenizer, self._fetch)
        if is_same:
            return ByteAttempt(exchange, admission, call, candidate, self._clock)
        assert conversation is not None, "it is read before"
        return CanonAttempt(exchange, admission, call, candidate, conversation, turn, self._clock)

    async def _fetch(self, codec: Codec, request: Request, limit_bytes: int) -> bytes:
        """The body of an answer to a further request of an attempt that needs several."""
        response = await self._upstreams[request.origin.scheme].send(request)
        try:
            if response.status >= 400:
                raise await read_error_answer(codec, response)
            return await response.read(limit_bytes)
        finally:
            response.close()

    def _order(
        self, exchange: Exchange, admission: Admission, call: Call, conversation: Conversation | None
    ) -> Iterator[Candidate]:
        """A conversation that holds somebody's state goes there first, where there is a choice."""
        now_s = self._clock()
        ordered = order(admission.route, self._cooling, now_s, self._draw)
        if call.operation != "chat" or not admission.route.has_choice:
            return ordered
        capsules = capsules_in_body(exchange.body) if conversation is None else conversation.capsules()
        scopes = self._continuity.scopes(admission, capsules) if capsules else ()
        return iter(preferring(scopes, ordered, self._cooling, now_s)) if scopes else ordered

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

    def _settle(
        self,
        exchange: Exchange,
        admission: Admission,
        call: Call,
        candidate: Candidate | None,
        delivery: Delivery | None,
        status: int,
        outcome: Outcome,
        refused: tuple[str, ...],
        switches: int,
    ) -> None:
        usage = _NO_USAGE if delivery is None else delivery.usage()
        latency_s = self._clock() - exchange.started_s
        channel = "" if candidate is None else candidate.channel.name
        self._counters.settled((call.codec.dialect, call.operation, status), channel, usage, latency_s)
        self._books.settle(
            usage_row(
                exchange,
                admission,
                call,
                candidate,
                delivery,
                usage,
                status=status,
                outcome=outcome,
                losses=refused if delivery is None else delivery.losses,
                switches=switches,
                latency_s=latency_s,
            )
        )


async def _refusal(attempt: Attempt, response: Response) -> UpstreamError | None:
    """An upstream's error answer that is to be the client's; `None` where the attempt can do without. Raises one that
    another channel may not give."""
    error = await read_error_answer(attempt.codec, response)
    if attempt.may_do_without(error):
        return None
    if may_try_next(error):
        raise error
    return error
