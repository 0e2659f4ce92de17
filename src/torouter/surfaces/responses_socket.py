"""The WebSocket form of Responses: each message is a request, and its stream's events are messages.

A turn takes the same line as a posted request: guards, limits, routing, a usage row and an id of its own. What the
connection adds is its memory: a turn may go on from an earlier one of the same connection, also with `store: false`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Protocol

from torouter.access.admission import Admission
from torouter.access.terms import Terms
from torouter.codecs import AnswerOptions
from torouter.codecs.openai_responses.history import Listener, expand, previous_id
from torouter.codecs.openai_responses.socket_events import Create, in_lane, is_event, read_event, warm_up, whole_event
from torouter.codecs.splice import values_of
from torouter.errors import InternalError, RequestError, TorouterError
from torouter.relay.call import Call
from torouter.surfaces.recent import Recent
from torouter.units import wall_ms
from torouter.wire.exchange import Exchange
from torouter.wire.head import Head
from torouter.wire.message_exchange import MessageExchange
from torouter.wire.websocket import Message, WebSocket

__all__ = ["Answer", "Answerer", "Refuse", "ResponsesSocket"]

_log = logging.getLogger("torouter.surfaces")

_SOCKET_BETA: Final = b"responses_websockets="
_TOLD: Final = frozenset({"retry-after", "retry-after-ms", "x-should-retry"})
"""Header fields of an answer that an `error` event tells, beside the request's id."""


class Answerer(Protocol):
    def __call__(self, exchange: Exchange, admission: Admission, call: Call, terms: Terms, /) -> Awaitable[None]:
        """Answers an admitted request, or raises the `TorouterError` to answer it with."""
        ...


Answer = Callable[[Exchange, Answerer | None], Awaitable[None]]
"""Answers as a posted request is answered, in any case but that of a fault of our own. The answerer, if there is one,
stands in for the relay."""
Refuse = Callable[[Exchange, TorouterError], None]


class ResponsesSocket:
    """One connection; `head` is that of its upgrade. `body_limit_bytes` holds for a request with all that it goes on
    from, too."""

    def __init__(self, websocket: WebSocket, head: Head, answer: Answer, refuse: Refuse, body_limit_bytes: int) -> None:
        self._websocket = websocket
        self._head = _posted(head)
        self._answer = answer
        self._refuse = refuse
        self._body_limit_bytes = body_limit_bytes
        self._recent = Recent()

    async def run(self) -> None:
        """Until the connection ends."""
        await self._websocket.each(self._message)

    async def _message(self, message: Message) -> None:
        speaker = _Speaker(self._websocket)
        turn = self._websocket.turn(message, self._head, b"", speaker)
        speaker.request_id = turn.request_id
        try:
            create = _read(message)
            if create is not None:
                speaker.lane = create.lane
                turn.body = self._with_history(create.body)
                await self._answer(turn, _answer_warm_up if create.is_warm_up else None)
        except TorouterError as error:
            if turn.has_begun:
                self._fault(turn)
            else:
                self._refuse(turn, error)
        except Exception:
            self._fault(turn)
        self._remember(turn, speaker.listener)

    def _with_history(self, body: bytes) -> bytes:
        """What this connection does not know may be kept for its account, or by an upstream, as with posted requests;
        not by a client that keeps nothing itself."""
        response_id = previous_id(body)
        if response_id is None:
            return body
        previous = self._recent.find(response_id)
        if previous is None and values_of(body).get("store") != b"false":
            return body
        if previous is None:
            raise RequestError(
                f"Previous response with id `{response_id[:200]}` not found on this connection.",
                code="previous_response_not_found",
                param="previous_response_id",
            )
        return expand(body, previous, self._body_limit_bytes)

    def _remember(self, turn: MessageExchange, listener: Listener) -> None:
        with suppress(RequestError):  # an upstream that answers a request without readable input: nothing follows that
            if previous_id(turn.body) is not None:
                return  # what led here is the upstream's to know, and the next turn is too
            if (kept := listener.kept(turn.body)) is not None:
                self._recent.add(kept)

    def _fault(self, turn: MessageExchange) -> None:
        _log.exception("fault request_id=%s path=%s", turn.request_id.decode(), turn.path.decode("ascii", "replace"))
        if turn.has_begun:
            turn.abort()
        else:
            self._refuse(turn, InternalError("Something went wrong in the gateway. The fault is logged."))


class _Speaker:
    """A `Sink` that says everything to the client, and remembers what later turns may refer to."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self.listener = Listener()
        self.lane = b""
        self.request_id = b""

    def event(self, data: bytes) -> None:
        if is_event(data):
            self.listener.feed(data)
            self._websocket.send(in_lane(data, self.lane))

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        self.event(whole_event(status, self._told(headers), body))

    def _told(self, headers: bytes) -> dict[str, str]:
        lines = (line.partition(": ") for line in headers.decode("latin-1").split("\r\n") if line)
        told = {name: value for name, _, value in lines if name in _TOLD}
        return {"x-request-id": self.request_id.decode("ascii"), **told}


def _posted(head: Head) -> Head:
    """The head that a turn would have as a posted request: without the beta of the WebSocket itself, which means
    nothing to an upstream that is asked over HTTP."""
    fields = [(name, _without_socket(value) if name == b"openai-beta" else value) for name, value in head.headers]
    return Head(b"POST", head.path, head.query, [field for field in fields if field[1]], True)


def _without_socket(betas: bytes) -> bytes:
    return b",".join(beta for beta in betas.split(b",") if not beta.strip().startswith(_SOCKET_BETA))


def _read(message: Message) -> Create | None:
    if message.text is None:
        raise RequestError("Events are text messages; a binary message is none.", code="binary_message")
    return read_event(message.text)


async def _answer_warm_up(exchange: Exchange, admission: Admission, call: Call, terms: Terms) -> None:
    """Nothing can be warmed here, but for the connection's memory: no upstream is asked, and nothing is counted."""
    options = AnswerOptions(
        framing="sse",
        model=admission.model,
        seed=exchange.request_id.decode("ascii").removeprefix("req_"),
        created_s=wall_ms() // 1000,
    )
    exchange.respond(200, b"content-type: text/event-stream\r\n", warm_up(options))
