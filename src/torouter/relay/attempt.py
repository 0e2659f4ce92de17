"""One attempt at one candidate, from the original request: what is sent, and what becomes of the answer.

`ByteAttempt` is for a candidate that speaks the client's dialect, `CanonAttempt` for any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from torouter.access.admission import Admission
from torouter.canon.names import tool_names
from torouter.codecs import CODECS, AnswerOptions, ByteFilter, Codec, Edits
from torouter.errors import UpstreamError
from torouter.relay.call import Call
from torouter.relay.continuity import Conversation
from torouter.relay.delivery import Delivery
from torouter.relay.passthrough import Passthrough
from torouter.relay.translate import Translated, losses_header
from torouter.routing.snapshot import Candidate
from torouter.units import wall_ms
from torouter.wire.exchange import Exchange
from torouter.wire.headers import client_block
from torouter.wire.upstream import Request, Response

__all__ = ["Attempt", "ByteAttempt", "CanonAttempt"]

_JSON: Final = b"application/json"
_PLANS_LIMIT: Final = 1024


class Attempt(Protocol):
    codec: Codec
    """The upstream's: it reads its errors."""

    def request(self) -> Request:
        """Raises `RequestError` for what this candidate cannot be sent."""
        ...

    def delivery(self, response: Response, /) -> Delivery: ...

    def answer_error(self, response: Response, error: UpstreamError, /) -> None:
        """Lets the upstream's error be the answer, or raises it as one of ours."""
        ...


class _Plan(NamedTuple):
    """All of a request in the client's dialect that does not depend on its body: `request` is one without a body."""

    edits: Edits
    request: Request


class ByteAttempt:
    """The client's own bytes with a closed list of edits; the upstream's own bytes back."""

    __slots__ = ("_admission", "_call", "_candidate", "_clock", "_exchange", "_losses", "_withhold", "codec")

    def __init__(
        self, exchange: Exchange, admission: Admission, call: Call, candidate: Candidate, clock: Callable[[], float]
    ) -> None:
        self._exchange = exchange
        self._admission = admission
        self._call = call
        self._candidate = candidate
        self._clock = clock
        self._withhold: ByteFilter | None = None
        self._losses: tuple[str, ...] = ()
        self.codec = call.codec

    def request(self) -> Request:
        call = self._call
        plan = self._admission.memo.get((call, self._candidate))
        edits, request = plan if isinstance(plan, _Plan) else self._plan()
        amended = self.codec.amend(call.operation, self._exchange.body, call.content_type, edits)
        if amended.is_usage_ours and self.codec.withhold_usage is not None:
            self._withhold = self.codec.withhold_usage()
        if amended.losses:
            self._losses = losses_header(amended.losses)
        return Request(request.origin, request.method, request.target, request.head, amended.body, request.deadlines)

    def _plan(self) -> _Plan:
        """Worked out once for all requests with the same head that are admitted to the same; each would take 4 µs."""
        call, candidate, admission = self._call, self._candidate, self._admission
        model, channel = candidate.upstream_model, candidate.channel
        edits = Edits(
            model=model if model != admission.model else None,
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
            deadlines=channel.deadlines,
        )
        if len(admission.memo) >= _PLANS_LIMIT:
            admission.memo.clear()  # most are of connections that have gone
        plan = admission.memo[call, candidate] = _Plan(edits, request)
        return plan

    def delivery(self, response: Response) -> Delivery:
        return Passthrough(self._exchange, response, self._call, self._withhold, self._losses, self._clock)

    def answer_error(self, response: Response, error: UpstreamError) -> None:
        headers = client_block(response.headers) + self._call.headers_for(self._exchange.request_id)
        self._exchange.respond(response.status, headers, error.body)


class CanonAttempt:
    """Decoded, encoded in the candidate's dialect, and the answer likewise on its way back."""

    __slots__ = (
        *("_admission", "_call", "_candidate", "_clock", "_conversation", "_exchange", "_losses", "_names"),
        *("_options", "codec"),
    )

    def __init__(
        self,
        exchange: Exchange,
        admission: Admission,
        call: Call,
        candidate: Candidate,
        conversation: Conversation,
        clock: Callable[[], float],
    ) -> None:
        self._exchange = exchange
        self._admission = admission
        self._call = call
        self._candidate = candidate
        self._conversation = conversation
        self._clock = clock
        self._options: AnswerOptions | None = None
        self._losses: tuple[str, ...] = ()
        self._names: dict[str, str] = {}
        self.codec = CODECS[candidate.dialect]

    def request(self) -> Request:
        call, candidate = self._call, self._candidate
        upstream = self.codec.translation
        assert upstream is not None, "routing offers only dialects that can be translated"
        chat = self._conversation.request_for(candidate)
        encoded = upstream.encode_request(chat, candidate.upstream_model, candidate.facts)
        self._losses = losses_header(encoded.losses)
        self._names = tool_names(chat, candidate.dialect)
        self._options = AnswerOptions(
            framing=call.framing,
            model=self._admission.model,
            seed=self._exchange.request_id.decode("ascii").removeprefix("req_"),
            created_s=wall_ms() // 1000,
            ask_usage=chat.ask_usage,
            show_reasoning=chat.is_reasoning_visible is not False,
            takes_state=chat.takes_state,
            mark=self._conversation.mark(candidate),
            request=chat,
        )
        return candidate.target.request(
            model=candidate.upstream_model,
            verb="",
            is_stream=call.framing != "whole",
            content_type=_JSON,
            passed=b"",
            query=b"",
            body=encoded.body,
            deadlines=candidate.channel.deadlines,
        )

    def delivery(self, response: Response) -> Delivery:
        assert self._options is not None, "an answer follows a request"
        sealer = self._conversation.sealer(self._candidate, is_reasoning_shown=self._options.show_reasoning)
        return Translated(
            *(self._exchange, response, self._call, self.codec, self._options),
            losses=self._losses,
            names=self._names,
            sealer=sealer,
            clock=self._clock,
        )

    def answer_error(self, response: Response, error: UpstreamError) -> None:
        raise error
