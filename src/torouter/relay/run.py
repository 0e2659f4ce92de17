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
from torouter.relay.counters import Counters
from torouter.relay.delivery import Delivery, Outcome
from torouter.relay.record import usage_row
from torouter.relay.verdict import exhausted, may_try_next
from torouter.routing.cooling import Cooling
from torouter.routing.pick import order, preferring
from torouter.routing.snapshot import Candidate
from torouter.wire.exchange import Exchange
from torouter.wire.upstream import Response, Upstream

__all__ = ["Relay"]

_log = logging.getLogger("torouter.relay")

_ERROR_BODY_LIMIT_BYTES: Final = 1024 * 1024
_NO_USAGE: Final = Usage()


class Relay:
    """Serves admitted requests. One per process; `clock` is monotonic seconds, `draw` gives numbers in [0, 1)."""

    def __init__(
        self,
        *,
        upstreams: Mapping[str, Upstream],
        books: Books,
        continuity: Continuity,
        counters: Counters,
        max_switches: int,
        clock: Callable[[], float],
        draw: Callable[[], float],
    ) -> None:
        self._upstreams = upstreams
        self._books = books
        self._continuity = continuity
        self._counters = counters
        self._max_attempts = max_switches + 1
        self._clock = clock
        self._draw = draw
        self._cooling = Cooling()

    async def run(self, exchange: Exchange, admission: Admission, call: Call) -> None:
        """Answers the exchange, or raises the `TorouterError` to answer it with. Settles in any case."""
        candidate: Candidate | None = None
        delivery: Delivery | None = None
        response: Response | None = None
        last: UpstreamError | None = None
        conversation: Conversation | None = None
        outcome: Outcome = "fault"
        status, switches = 500, -1
        self._counters.in_flight += 1
        try:
            if admission.route.is_translated:
                conversation = await self._continuity.read(exchange, admission, call)
            ordered = self._order(exchange, admission, call, conversation)
            for candidate in islice(ordered, self._max_attempts):
                switches += 1
                attempt: Attempt
                if candidate.dialect == call.codec.dialect:
                    attempt = ByteAttempt(exchange, admission, call, candidate, self._clock)
                else:
                    if conversation is None:
                        conversation = await self._continuity.read(exchange, admission, call)
                    attempt = CanonAttempt(exchange, admission, call, candidate, conversation, self._clock)
                request = attempt.request()
                try:
                    response = await self._upstreams[request.origin.scheme].send(request)
                    if response.status >= 400:
                        error = await _read_error(attempt.codec, response)
                        if may_try_next(error):
                            raise error
                        outcome = "upstream_error"
                        attempt.answer_error(response, error)
                        status = exchange.status
                        return
                    delivery = attempt.delivery(response)
                    body = response.body
                    if body is None or not delivery.deliver_whole(body):
                        exchange.on_pause, exchange.on_resume = response.pause, response.resume
                        await delivery.deliver()
                except UpstreamError as error:
                    if not may_try_next(error):
                        raise
                    last = error
                    self._failed(candidate, error, exchange)
                    delivery = None
                    if response is not None:
                        response.close()
                        response = None
                else:
                    outcome, status = delivery.outcome, exchange.status
                    self._cooling.succeeded(candidate.channel.name)
                    return
            if last is None:
                raise RoutingError("No channel can serve this model right now.", type="upstream_unavailable")
            raise exhausted(last)
        except TorouterError as error:
            outcome = "upstream_error" if isinstance(error, UpstreamError) else "refused"
            status = error.status
            raise
        except asyncio.CancelledError:
            outcome, status = "client_left", 499
            raise
        finally:
            if exchange.on_pause is not None:
                exchange.on_pause = exchange.on_resume = None
            if response is not None:
                response.close()
            self._settle(exchange, admission, call, candidate, delivery, status, outcome, switches)

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
                switches=switches,
                latency_s=latency_s,
            )
        )


async def _read_error(codec: Codec, response: Response) -> UpstreamError:
    """An upstream's error answer, read."""
    body = response.body
    if body is None:
        body = await response.read(_ERROR_BODY_LIMIT_BYTES)
    fault = codec.read_error(response.status, body)
    return UpstreamError(
        fault.message,
        phase="head",
        upstream_status=response.status,
        body=body,
        kind=fault.kind,
        code=fault.code,
        param=fault.param,
        retry_after_s=_retry_after_s(response) if fault.retry_after_s is None else fault.retry_after_s,
    )


def _retry_after_s(response: Response) -> float | None:
    """The number form of `Retry-After` only: providers send no dates."""
    try:
        return float(response.header(b"retry-after"))
    except ValueError:
        return None
