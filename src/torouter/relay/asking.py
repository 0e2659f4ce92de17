"""Asking one candidate: an attempt from the original request, what comes back, and its delivery to the client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from torouter.canon.request import VendorTool
from torouter.codecs import Codec
from torouter.errors import RequestError, UpstreamError
from torouter.relay.attempt import Attempt, ByteAttempt, CanonAttempt
from torouter.relay.continuity import Continuity, Conversation
from torouter.relay.count import ByteCountAttempt, CountAttempt
from torouter.relay.delivery import Delivery
from torouter.relay.embed import EmbedAttempt
from torouter.relay.error_answer import read_error_answer
from torouter.relay.observing import Observer, Watched
from torouter.relay.passage import Passage
from torouter.relay.tokens import Tokenizer
from torouter.relay.translate import Reopened
from torouter.relay.trial import Trial
from torouter.relay.verdict import verdict_on
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Candidate
from torouter.wire.fetch import Fetcher
from torouter.wire.upstream import Request, Response, Upstream

__all__ = ["Asking"]


class Asking:
    """One per process. `fetcher` follows links for upstreams that do not (`None`: nobody does)."""

    __slots__ = ("_clock", "_continuity", "_fetcher", "_planner", "_tokenizer", "_upstreams", "reopen")

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        continuity: Continuity,
        planner: Planner,
        fetcher: Fetcher | None,
        clock: Callable[[], float],
    ) -> None:
        self._upstreams = upstreams
        self._continuity = continuity
        self._planner = planner
        self._fetcher = fetcher
        self._clock = clock
        self._tokenizer = Tokenizer()
        self.reopen: Callable[[Passage, Trial, UpstreamError], Awaitable[Reopened | None]] | None = None
        """Asks for an answer elsewhere that broke off after it had begun."""

    def begin(self, trial: Trial) -> None:
        """Its place under a cap is taken: before anything is waited for since it was picked."""
        assert trial.candidate is not None, "it was picked"
        trial.begun = trial.candidate
        self._planner.began(trial.candidate, self._clock())

    def end(self, trial: Trial) -> None:
        """Gives its place back, if it has one. It may be another's than it was, if its answer was opened again."""
        candidate, trial.begun = trial.begun, None
        if candidate is not None:
            self._planner.ended(candidate, self._clock())

    async def ask(self, passage: Passage, trial: Trial) -> None:
        """Answers the exchange. Raises `RequestError` for what this candidate cannot be sent, and `UpstreamError` while
        nothing has been given to the client."""
        candidate = trial.candidate
        assert candidate is not None, "it was picked"
        if trial.begun is None:
            self.begin(trial)
        try:
            attempt = self._own_attempt(passage, candidate) or await self._by_canon(passage, trial, candidate)
            request = attempt.request()
            if request is None:
                trial.delivery = attempt.delivery(None)
                await trial.delivery.deliver()
                return
            trial.asked_s = self._clock()
            upstream = self._upstreams[request.origin.scheme]
            if passage.observer is not None:
                upstream = _watched(passage.observer, upstream, trial, attempt, request)
            response = trial.response = await upstream.send(request)
            if response.status >= 400 and await self._is_refused(passage, trial, attempt, response):
                return
            delivery = trial.delivery = attempt.delivery(response)
            if trial.claim is not None or passage.call.framing != "whole":
                delivery.claim = partial(self._begun, passage, trial, delivery)
            body = response.body
            if body is None or not delivery.deliver_whole(body):
                if trial.claim is None:
                    exchange = passage.exchange
                    exchange.on_pause, exchange.on_resume = response.pause, response.resume
                await delivery.deliver()
        finally:
            self.end(trial)
            if trial.delivery is not None:
                trial.delivery.claim = None  # it holds the passage that holds it: nothing is left for the collector

    async def _is_refused(self, passage: Passage, trial: Trial, attempt: Attempt, response: Response) -> bool:
        """Is an upstream's error answer the client's, and given? False where the attempt can do without. Raises one
        that is not: another channel, another model, or who is asked beside it, may give something better."""
        error = await read_error_answer(attempt.codec, response)
        if attempt.may_do_without(error):
            return False
        row = verdict_on(error)
        if row.step is not None or trial.claim is not None or passage.has_more(row):
            raise error
        passage.failed(trial, error, row.name, self._clock())
        passage.answered_with(error)
        attempt.answer_error(response, error)
        return True

    def _begun(self, passage: Passage, trial: Trial, delivery: Delivery) -> None:
        """It has something to say. Told at once, and not at the end of a long stream: others may wait to hear whether
        this channel has recovered."""
        if trial.claim is not None:
            trial.claim()
        candidate, now_s = trial.candidate, self._clock()
        assert candidate is not None, "it was picked"
        first_token_s, whole_s = None, passage.whole_s(trial, now_s)
        if passage.call.framing != "whole" and delivery.first_byte_s is not None and trial.asked_s is not None:
            first_token_s = delivery.first_byte_s - trial.asked_s
        passage.has_begun = True
        self._planner.succeeded(
            candidate, now_s, affinity=passage.affinity, first_token_s=first_token_s, whole_s=whole_s, is_over=False
        )

    async def conversation(self, passage: Passage) -> Conversation:
        """Decoded once for all candidates. Raises `RequestError`."""
        if passage.conversation is None:
            passage.conversation = await self._continuity.read(passage.exchange, passage.admission, passage.call)
        return passage.conversation

    async def open(self, passage: Passage, trial: Trial) -> Reopened:
        """Only the head of an answer. Raises as `ask` does."""
        candidate = trial.candidate
        assert candidate is not None, "it was picked"
        attempt = await self._canon_attempt(passage, trial, candidate)
        request = attempt.request()
        trial.asked_s = self._clock()
        upstream = self._upstreams[request.origin.scheme]
        if passage.observer is not None:
            upstream = _watched(passage.observer, upstream, trial, attempt, request)
        response = trial.response = await upstream.send(request)
        if response.status >= 400:
            raise await read_error_answer(attempt.codec, response)
        return Reopened(response=response, codec=attempt.codec, sent=attempt.sent)

    def _own_attempt(self, passage: Passage, candidate: Candidate) -> Attempt | None:
        """Bytes where the candidate speaks the client's dialect, and what is no chat. `None`: by way of canon, and so
        too where somebody else may have to go on with the answer."""
        exchange, admission, call, clock = passage.exchange, passage.admission, passage.call, self._clock
        is_same = candidate.dialect == call.codec.dialect
        if call.operation == "count_tokens":
            if is_same and candidate.target.operation == "count_tokens":
                return ByteCountAttempt(exchange, admission, call, candidate, clock, self._tokenizer)
            return CountAttempt(exchange, call, candidate, clock, self._tokenizer)
        if is_same and not _may_reopen(passage, candidate):
            return self._byte_attempt(passage, candidate)
        if call.operation == "embeddings":
            return EmbedAttempt(exchange, admission, call, candidate, clock, self._tokenizer, self._fetch)
        return None

    def _byte_attempt(self, passage: Passage, candidate: Candidate) -> ByteAttempt:
        exchange, admission, call = passage.exchange, passage.admission, passage.call
        return ByteAttempt(exchange, admission, call, candidate, self._clock, is_renamed=passage.is_elsewhere)

    async def _by_canon(self, passage: Passage, trial: Trial, candidate: Candidate) -> Attempt:
        """Where bytes can go, what has no form in canon goes as bytes, and nobody goes on with them."""
        if candidate.dialect == passage.call.codec.dialect and await self._is_beyond_canon(passage):
            return self._byte_attempt(passage, candidate)
        return await self._canon_attempt(passage, trial, candidate)

    async def _is_beyond_canon(self, passage: Passage) -> bool:
        """What a vendor's own tools do, a second choice, a spoken answer, and whatever else would be refused to an
        upstream of another dialect."""
        try:
            request = (await self.conversation(passage)).request
        except RequestError:
            return True
        return (
            (request.settings.candidates or 1) > 1
            or any(isinstance(tool, VendorTool) for tool in request.tools)
            or any(field.fate == "refuse" for field in request.carried)
        )

    async def _canon_attempt(self, passage: Passage, trial: Trial, candidate: Candidate) -> CanonAttempt:
        conversation = await self.conversation(passage)
        attempt = CanonAttempt(
            passage.exchange,
            passage.admission,
            passage.call,
            candidate,
            conversation,
            passage.turn,
            self._clock,
            partial(self._go_on, passage, trial),
            partial(self.reopen, passage, trial) if self.reopen and _may_reopen(passage, candidate) else None,
        )
        if self._fetcher is not None:
            await attempt.follow_links(self._fetcher)
        return attempt

    async def _go_on(self, passage: Passage, trial: Trial, codec: Codec, request: Request) -> Response:
        """The next piece of an answer that its upstream gives in several."""
        exchange = passage.exchange
        trial.close_response()
        upstream = self._upstreams[request.origin.scheme]
        if passage.observer is not None:
            upstream = Watched(upstream, passage.observer, passage.observer.going_on(trial, request))
        response = trial.response = await upstream.send(request)
        if response.status >= 400:
            raise await read_error_answer(codec, response)
        if trial.claim is None or exchange.has_begun:
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


def _watched(observer: Observer, upstream: Upstream, trial: Trial, attempt: Attempt, request: Request) -> Upstream:
    lost = attempt.lost if isinstance(attempt, ByteAttempt | CanonAttempt) else ()
    number = observer.asking(trial, request, lost, is_translated=isinstance(attempt, CanonAttempt))
    return Watched(upstream, observer, number)


def _may_reopen(passage: Passage, candidate: Candidate) -> bool:
    """Is there a policy to go on with a stream that was cut, and somebody who could?"""
    call = passage.call
    if call.framing == "whole" or call.operation != "chat" or not passage.admission.route.has_choice:
        return False
    return (candidate.channel.policy.on_cut or passage.terms.on_cut) == "resume-if-identical"
