"""The straight line itself: for each candidate one attempt, from the original request, until one is delivered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial

from torouter.access.admission import Admission
from torouter.access.terms import Terms
from torouter.codecs import Codec
from torouter.errors import RequestError, RoutingError, TorouterError, UpstreamError
from torouter.ledger.books import Books
from torouter.ledger.meters import Meters
from torouter.relay.attempt import Attempt, ByteAttempt, CanonAttempt
from torouter.relay.call import Call
from torouter.relay.continuity import Continuity, Conversation, capsules_in_body
from torouter.relay.count import ByteCountAttempt, CountAttempt
from torouter.relay.counters import Counters
from torouter.relay.embed import EmbedAttempt
from torouter.relay.error_answer import read_error_answer
from torouter.relay.passage import Passage
from torouter.relay.settling import Prices, Settling
from torouter.relay.tokens import Tokenizer
from torouter.relay.turn import Keeper
from torouter.relay.verdict import exhausted, is_channels_fault, may_try_next
from torouter.routing.planner import Plan, Planner
from torouter.routing.snapshot import Candidate
from torouter.wire.exchange import Exchange
from torouter.wire.fetch import Fetcher
from torouter.wire.upstream import Request, Response, Upstream

__all__ = ["Relay"]

_log = logging.getLogger("torouter.relay")


class Relay:
    """Serves admitted requests. One per process; `clock` is monotonic seconds. `fetcher` follows links for upstreams
    that do not (`None`: nobody does). `drain_s` bounds how long an answer is read on whose client has left, where its
    terms say so."""

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
        planner: Planner,
        fetcher: Fetcher | None = None,
        prices: Prices | None = None,
        meters: Meters | None = None,
        drain_s: float = 60.0,
    ) -> None:
        self._upstreams = upstreams
        self._continuity = continuity
        self._counters = counters
        self._keeper = keeper
        self._planner = planner
        self._max_attempts = max_switches + 1
        self._clock = clock
        self._fetcher = fetcher
        self._tokenizer = Tokenizer()
        self._drain_s = drain_s
        settling = Settling(books=books, counters=counters, prices=prices, meters=meters, clock=clock)
        self._settle = settling.settle

    async def run(self, exchange: Exchange, admission: Admission, call: Call, terms: Terms) -> None:
        """Answers the exchange, or raises the `TorouterError` to answer it with. Settles in any case, and before the
        answer is whole."""
        passage = Passage(exchange, admission, call, terms, self._settle)
        if terms.on_hangup == "drain":
            exchange.on_left = partial(self._drain, passage)
        self._counters.in_flight += 1
        try:
            await self._serve(passage)
        except TorouterError as error:
            passage.refused_with(error)
            raise
        except asyncio.CancelledError:
            passage.cancelled()
            raise
        except BaseException:
            passage.faulted()
            raise
        finally:
            self._counters.in_flight -= 1
            self._counters.draining -= passage.drain is not None
            passage.close()
            passage.settle()

    def _drain(self, passage: Passage) -> bool:
        """The client has left. Is its answer read on? Only if somebody has been asked for one."""
        drive = passage.exchange.drive
        if passage.drain is not None:
            return True
        if passage.asked_s is None or passage.is_settled or drive is None:
            return False
        self._counters.drains += 1
        self._counters.draining += 1
        passage.drain = asyncio.get_running_loop().call_later(self._drain_s, drive.cancel)
        if passage.exchange.on_resume is not None:
            passage.exchange.on_resume()  # nobody is slower than the upstream any more
        return True

    async def _serve(self, passage: Passage) -> None:
        """Asks one candidate after the other. What one cannot be sent another may take, and the first refusal is told
        only where nobody took it."""
        passage.turn = turn = self._keeper.turn(passage.exchange, passage.admission, passage.call)
        if turn is not None and turn.refers:
            await turn.recall(passage.call)
            passage.admission = turn.admission
        last: UpstreamError | None = None
        refusal: RequestError | None = None
        plan = await self._plan(passage)
        while passage.switches + 1 < self._max_attempts and (pick := plan.next(self._clock())) is not None:
            candidate = passage.candidate = pick.candidate
            passage.switches += 1
            try:
                await self._try(passage, candidate)
            except UpstreamError as error:
                passage.failed(error, self._clock())
                if not may_try_next(error) or passage.drain is not None:
                    raise
                last = error
                self._failed(candidate, error, passage.exchange)
                plan.failed(candidate, "next_channel", self._clock())
                passage.drop()
            except RequestError as error:
                passage.failed(error, self._clock())
                if passage.exchange.has_begun:
                    raise
                refusal = refusal or error
            else:
                return
        if last is not None:
            raise exhausted(last)
        raise refusal or RoutingError("No channel can serve this model right now.", type="upstream_unavailable")

    async def _try(self, passage: Passage, candidate: Candidate) -> None:
        """Raises `RequestError` for what this candidate cannot be sent, and `UpstreamError` while nothing has been
        given to the client."""
        exchange = passage.exchange
        attempt = await self._attempt(passage, candidate)
        request, response = attempt.request(), None
        if request is not None:
            passage.asked_s = self._clock()
            response = passage.response = await self._upstreams[request.origin.scheme].send(request)
            if response.status >= 400 and (error := await _refusal(attempt, response)) is not None:
                passage.failed(error, self._clock())
                passage.answered_with(error)
                attempt.answer_error(response, error)
                return
        delivery = passage.delivery = attempt.delivery(response)
        body = None if response is None else response.body
        if body is None or not delivery.deliver_whole(body):
            if response is not None:
                exchange.on_pause, exchange.on_resume = response.pause, response.resume
            await delivery.deliver()
        if request is not None:
            self._planner.succeeded(candidate, self._clock(), affinity=None, first_token_s=None)

    async def _plan(self, passage: Passage) -> Plan:
        """A conversation that holds somebody's state goes there first, where there is a choice."""
        admission, call, now_s = passage.admission, passage.call, self._clock()
        route = admission.route
        if call.operation != "chat" or not route.has_choice:
            return self._planner.plan(route, now_s, affinity=None)
        if route.is_translated:
            capsules = (await self._conversation(passage)).capsules()
        else:
            capsules = capsules_in_body(passage.exchange.body)
        scopes = self._continuity.scopes(admission, capsules) if capsules else ()
        return self._planner.plan(route, now_s, affinity=None, scopes=scopes)

    async def _conversation(self, passage: Passage) -> Conversation:
        """Decoded once for all candidates. Raises `RequestError`."""
        if passage.conversation is None:
            passage.conversation = await self._continuity.read(passage.exchange, passage.admission, passage.call)
        return passage.conversation

    async def _attempt(self, passage: Passage, candidate: Candidate) -> Attempt:
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

    async def _go_on(self, passage: Passage, codec: Codec, request: Request) -> Response:
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
        if not is_channels_fault(error):
            return
        self._counters.attempt_failures[channel, error.upstream_status] += 1
        self._planner.failed(candidate, "channel", self._clock(), error.retry_after_s)
        _log.warning(
            "attempt failed request_id=%s channel=%s phase=%s upstream_status=%d kind=%s",
            exchange.request_id.decode("ascii"),
            channel,
            error.phase,
            error.upstream_status,
            error.kind,
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
