"""The straight line itself: for each candidate one attempt, from the original request, until one is delivered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial

from torouter.access.admission import Admission
from torouter.access.terms import Terms
from torouter.errors import RequestError, UpstreamError
from torouter.ledger.books import Books
from torouter.ledger.meters import Meters
from torouter.relay.affinity import affinity_of
from torouter.relay.aftermath import Aftermath
from torouter.relay.asking import Asking
from torouter.relay.call import Call
from torouter.relay.continuity import Continuity, capsules_in_body
from torouter.relay.counters import Counters
from torouter.relay.failure import Failure, Unserved, why_unserved
from torouter.relay.hedging import Hedging
from torouter.relay.observing import Observer
from torouter.relay.others import NO_OTHERS, Others, call_for, fitted
from torouter.relay.passage import Passage
from torouter.relay.patience import Bounds, Patience
from torouter.relay.reopening import Reopening
from torouter.relay.settling import Prices, Settling
from torouter.relay.turn import Keeper
from torouter.relay.waiting import Waiting
from torouter.routing.planner import Plan, Planner
from torouter.wire.exchange import Exchange
from torouter.wire.fetch import Fetcher
from torouter.wire.upstream import Upstream

__all__ = ["Relay"]


class Relay:
    """Serves admitted requests. One per process; `clock` is monotonic seconds. `fetcher` follows links for upstreams
    that do not (`None`: nobody does). `max_switches`, `max_attempts` and `retry_s` are `Bounds`. `drain_s` bounds how
    long an answer is read on whose client has left, where its terms say so."""

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
        max_attempts: int = 6,
        retry_s: float = 10.0,
        fetcher: Fetcher | None = None,
        prices: Prices | None = None,
        meters: Meters | None = None,
        drain_s: float = 60.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._continuity = continuity
        self._counters = counters
        self._keeper = keeper
        self._planner = planner
        self._clock = clock
        self._drain_s = drain_s
        patience = partial(Patience, Bounds(max_attempts, max_switches, retry_s), draw)
        settling = Settling(books=books, counters=counters, prices=prices, meters=meters, clock=clock)
        self._settle = settling.settle
        self._aftermath = Aftermath(planner, counters, settling, patience, clock)
        self._asking = Asking(upstreams, continuity, planner, fetcher, clock)
        self._asking.reopen = Reopening(self._asking, self._aftermath, planner, clock).reopen
        self._hedging = Hedging(self._asking, self._aftermath, planner, clock)
        self._waiting = Waiting(planner, patience, clock, sleep)

    async def run(
        self,
        exchange: Exchange,
        admission: Admission,
        call: Call,
        terms: Terms,
        others: Others = NO_OTHERS,
        observer: Observer | None = None,
    ) -> None:
        """Answers the exchange, or raises the `TorouterError` to answer it with. Settles in any case, and before the
        answer is whole."""
        passage = Passage(exchange, admission, call, terms, self._settle, others)
        if observer is not None:
            passage.observer = observer
        if terms.on_hangup == "drain":
            exchange.on_left = partial(self._drain, passage)
        self._counters.in_flight += 1
        try:
            await self._serve(passage)
        except BaseException as error:
            passage.ended_with(error)
            raise
        finally:
            self._counters.in_flight -= 1
            self._counters.draining -= passage.drain is not None
            passage.close()
            passage.settle()
            passage.delivery = None  # it leads back to the passage: nothing is left for the collector

    def waiting_at(self, channel: str) -> int:
        """How many requests wait for room at a channel."""
        return self._waiting.queues.waiting(channel)

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
        """By the model that was asked for, or by another that is allowed to stand in for it."""
        passage.turn = turn = self._keeper.turn(passage.exchange, passage.admission, passage.call)
        if turn is not None and turn.refers:
            await turn.recall(passage.call)
            if turn.admission is not passage.admission:  # its own vendor knows what it refers to, and no other model
                passage.admission, passage.others = turn.admission, NO_OTHERS
        unserved = await self._ask(passage)
        if unserved is not None and not await self._ask_others(passage, unserved):
            raise unserved.error

    async def _ask(self, passage: Passage) -> Unserved | None:
        """Asks one candidate after the other, until one has answered. What one cannot be sent another may take."""
        failure: Failure | None = None
        refusal: RequestError | None = None
        passage.plan = plan = await self._plan(passage)
        while (pick := await self._waiting.next(passage, plan)) is not None:
            passage.take(pick)
            passage.switches += 1
            try:
                if pick.candidate.channel.policy.hedges:
                    await self._hedging.ask(passage, plan)
                else:
                    await self._asking.ask(passage, passage)
            except UpstreamError as error:
                failure = self._aftermath.failed(passage, passage, plan, error)
                if failure.row.step is None or passage.drain is not None:
                    break
            except RequestError as error:
                self._aftermath.refused(passage, passage, plan, error)
                refusal = refusal or error
            else:
                self._aftermath.served(passage)
                return None
        return why_unserved(failure, refusal, plan)

    async def _ask_others(self, passage: Passage, unserved: Unserved) -> bool:
        """Has another model answered? None that was asked in vain has the last word."""
        first, call, cause = passage.admission, passage.call, unserved.fallback
        if cause is None:
            return False
        for other in passage.others.after(cause):
            if passage.drain is not None:
                break
            self._counters.fallbacks[cause] += 1
            passage.go_elsewhere(fitted(other, first), call_for(call, other))
            with suppress(RequestError):  # it cannot even be put into the words of the other's upstreams
                if await self._ask(passage) is None:
                    return True
        passage.admission, passage.call = first, call
        return False

    async def _plan(self, passage: Passage) -> Plan:
        """A conversation that holds somebody's state goes there first, where there is a choice; else where it was
        before."""
        admission, call = passage.admission, passage.call
        route = admission.route
        if call.operation != "chat" or not route.has_choice:
            return self._planner.plan(route, self._clock(), affinity=None)
        if route.is_translated:
            capsules = (await self._asking.conversation(passage)).capsules()
        else:
            capsules = capsules_in_body(passage.exchange.body)
        scopes = self._continuity.scopes(admission, capsules) if capsules else ()
        passage.affinity = affinity = affinity_of(passage.exchange, admission, call)
        return self._planner.plan(route, self._clock(), affinity=affinity, scopes=scopes)
