"""One attempt at one candidate, from the original request: what is sent, and what becomes of the answer.

`ByteAttempt` is for a candidate that speaks the client's dialect, `CanonAttempt` for any other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from torouter.access.admission import Admission
from torouter.canon.fold import Answer
from torouter.canon.losses import Loss, strict_refusal
from torouter.canon.names import tool_names
from torouter.codecs import CODECS, AnswerOptions, ByteFilter, Codec, Edits
from torouter.errors import UpstreamError
from torouter.relay.call import Call
from torouter.relay.continuity import Conversation
from torouter.relay.delivery import Delivery
from torouter.relay.estimate import rough_tokens
from torouter.relay.losses import told
from torouter.relay.media import with_data
from torouter.relay.passthrough import Passthrough
from torouter.relay.translate import Reopen, Sent, Translated, translation_of
from torouter.relay.turn import Turn
from torouter.routing.snapshot import Candidate
from torouter.units import wall_ms
from torouter.wire.exchange import Exchange
from torouter.wire.fetch import Fetcher
from torouter.wire.headers import client_block
from torouter.wire.upstream import Deadlines, Request, Response

__all__ = ["Attempt", "ByteAttempt", "CanonAttempt"]

GoOn = Callable[[Codec, Request], Awaitable[Response]]
"""Sends a further request of an answer that its upstream gives in pieces. Raises `UpstreamError`."""

_JSON: Final = b"application/json"
_PLANS_LIMIT: Final = 1024


class Attempt(Protocol):
    codec: Codec
    """The upstream's: it reads its errors."""

    def request(self) -> Request | None:
        """`None` where nobody is to be asked. Raises `RequestError` for what this candidate cannot be sent."""
        ...

    def may_do_without(self, error: UpstreamError, /) -> bool:
        """Can there be an answer although the upstream gave this one? Then `delivery` is the next to be called."""
        ...

    def delivery(self, response: Response | None, /) -> Delivery: ...

    def answer_error(self, response: Response, error: UpstreamError, /) -> None:
        """Lets the upstream's error be the answer, or raises it as one of ours."""
        ...


class _Plan(NamedTuple):
    """All of a request in the client's dialect that does not depend on its body: `request` is one without a body."""

    edits: Edits
    request: Request


class ByteAttempt:
    """The client's own bytes with a closed list of edits; the upstream's own bytes back."""

    __slots__ = (
        "_admission",
        "_call",
        "_candidate",
        "_clock",
        "_exchange",
        "_is_renamed",
        "_withhold",
        "codec",
        "lost",
    )

    def __init__(
        self,
        exchange: Exchange,
        admission: Admission,
        call: Call,
        candidate: Candidate,
        clock: Callable[[], float],
        *,
        is_renamed: bool = False,
    ) -> None:
        """`is_renamed`: the body names another model than was admitted."""
        self._exchange = exchange
        self._admission = admission
        self._call = call
        self._candidate = candidate
        self._clock = clock
        self._is_renamed = is_renamed
        self._withhold: ByteFilter | None = None
        self.lost: Sequence[Loss] = ()
        """What could not be put into the request. After `request`, as with the other attempt."""
        self.codec = call.codec

    def request(self) -> Request:
        call = self._call
        plan = self._admission.memo.get((call, self._candidate))
        edits, request = plan if isinstance(plan, _Plan) else self._plan()
        amended = self.codec.amend(call.operation, self._exchange.body, call.content_type, edits)
        if amended.is_usage_ours and self.codec.withhold_usage is not None:
            self._withhold = self.codec.withhold_usage()
        if amended.losses:
            self.lost = amended.losses
        return Request(request.origin, request.method, request.target, request.head, amended.body, request.deadlines)

    def _plan(self) -> _Plan:
        """Worked out once for all requests with the same head that are admitted to the same; each would take 4 µs."""
        call, candidate, admission = self._call, self._candidate, self._admission
        model, channel = candidate.upstream_model, candidate.channel
        edits = Edits(
            model=model if self._is_renamed or model != admission.model else None,
            ask_usage=call.framing == "sse" and channel.kind.may_ask_usage,
            reasoning=admission.route.reasoning,
            facts=candidate.facts,
        )
        request = candidate.target.request(
            model=model,
            verb=call.verb,
            is_stream=call.framing != "whole",
            content_type=call.content_type,
            passed=self._exchange.head.upstream_block,
            query=call.query,
            body=b"",
            deadlines=_deadlines(call, candidate),
        )
        if len(admission.memo) >= _PLANS_LIMIT:
            admission.memo.clear()  # most are of connections that have gone
        plan = admission.memo[call, candidate] = _Plan(edits, request)
        return plan

    def may_do_without(self, error: UpstreamError) -> bool:
        return False

    def delivery(self, response: Response | None) -> Delivery:
        assert response is not None, "there was a request"
        losses = told(self.lost) if self.lost else ()
        return Passthrough(self._exchange, response, self._call, self._withhold, losses, self._clock)

    def answer_error(self, response: Response, error: UpstreamError) -> None:
        if error.phase == "body":  # it did not come whole
            raise error
        headers = client_block(response.headers) + self._call.headers_for(self._exchange.request_id)
        self._exchange.respond(response.status, headers, error.body)


class CanonAttempt:
    """Decoded, encoded in the candidate's dialect, and the answer likewise on its way back. `turn` is set where the
    client's dialect lets answers be referred to."""

    __slots__ = (
        "_admission",
        "_body",
        "_call",
        "_candidate",
        "_chat",
        "_clock",
        "_conversation",
        "_exchange",
        "_go_on",
        "_reopen",
        "_sent",
        "_turn",
        "codec",
        "lost",
    )

    def __init__(
        self,
        exchange: Exchange,
        admission: Admission,
        call: Call,
        candidate: Candidate,
        conversation: Conversation,
        turn: Turn | None,
        clock: Callable[[], float],
        go_on: GoOn,
        reopen: Reopen | None = None,
    ) -> None:
        self._exchange = exchange
        self._admission = admission
        self._call = call
        self._candidate = candidate
        self._conversation = conversation
        self._turn = turn
        self._clock = clock
        self._chat = conversation.request_for(candidate)
        self._go_on = go_on
        self._reopen = reopen
        self._body = b""
        self._sent: Sent | None = None
        self.lost: Sequence[Loss] = ()
        self.codec = CODECS[candidate.dialect]

    async def follow_links(self, fetcher: Fetcher) -> None:
        """Puts data in the place of links that the candidate would not follow. Before `request`."""
        is_blind, account_id = not self._candidate.facts.takes_links, self._admission.key.account_id
        needs_data = translation_of(self.codec).needs_data
        self._chat = await with_data(self._chat, lambda block: is_blind or needs_data(block), fetcher, account_id)

    def request(self) -> Request:
        call, candidate, chat = self._call, self._candidate, self._chat
        conversation, turn = self._conversation, self._turn
        is_kept = turn is not None and turn.keeps(chat)
        if is_kept:  # so that `store` is no loss
            chat = msgspec.structs.replace(chat, carried=tuple(each for each in chat.carried if each.name != "store"))
        encoded = translation_of(self.codec).encode_request(chat, candidate.upstream_model, candidate.facts)
        if call.is_strict and encoded.losses:
            raise strict_refusal(encoded.losses, candidate.dialect)
        is_weighed = call.framing == "sse" and translation_of(call.codec).begins_with_usage
        options = AnswerOptions(
            framing=call.framing,
            model=self._admission.model,
            seed=self._exchange.request_id.decode("ascii").removeprefix("req_"),
            created_s=wall_ms() // 1000,
            ask_usage=chat.ask_usage,
            show_reasoning=chat.is_reasoning_visible is not False,
            takes_state=chat.takes_state,
            mark=conversation.mark(candidate),
            prompt_tokens=rough_tokens(chat) if is_weighed else 0,
            request=chat,
            is_kept=is_kept,
            previous=None if turn is None else turn.previous,
        )
        self._sent = Sent(
            options=options,
            losses=told(encoded.losses),
            names=tool_names(chat, candidate.dialect),
            stops=encoded.stops,
            sealer=conversation.sealer(candidate, is_reasoning_shown=options.show_reasoning),
            keep=turn.keep if turn is not None and is_kept else None,
            go_on=self._resumed,
            reopen=self._reopen,
        )
        self._body, self.lost = encoded.body, encoded.losses
        return self._asking()

    def _asking(self) -> Request:
        call, candidate = self._call, self._candidate
        return candidate.target.request(
            model=candidate.upstream_model,
            verb="",
            is_stream=call.framing != "whole",
            content_type=_JSON,
            passed=b"",
            query=b"",
            body=self._body,
            deadlines=_deadlines(call, candidate),
        )

    def _resumed(self, paused: Answer) -> Awaitable[Response] | None:
        resume = translation_of(self.codec).resume
        body = None if resume is None else resume(self._body, paused)
        if body is None:
            return None
        self._body = body
        return self._go_on(self.codec, self._asking())

    def may_do_without(self, error: UpstreamError) -> bool:
        return False

    @property
    def sent(self) -> Sent:
        assert self._sent is not None, "an answer follows a request"
        return self._sent

    def delivery(self, response: Response | None) -> Delivery:
        assert response is not None, "there was a request"
        sent, self._sent = self.sent, None  # it leads back to here
        return Translated(self._exchange, response, self._call, self.codec, sent, self._clock)

    def answer_error(self, response: Response, error: UpstreamError) -> None:
        raise error


def _deadlines(call: Call, candidate: Candidate) -> Deadlines:
    return candidate.whole_deadlines if call.framing == "whole" else candidate.deadlines
