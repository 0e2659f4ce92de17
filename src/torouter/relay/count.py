"""Counting tokens: the upstream's own counter where it has one, else an estimate. The answer says which.

An upstream is only ever asked about a model that it serves itself, in a dialect in which it counts. What that dialect
has no words for is not refused here: it is estimated, and the chat itself will say why it cannot be sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import msgspec
from msgspec import UNSET

from torouter.access.admission import Admission
from torouter.canon.request import ChatRequest, Settings
from torouter.canon.usage import Usage
from torouter.codecs import CODECS, Codec, Counting, Encoded
from torouter.errors import RequestError, UpstreamError
from torouter.relay.attempt import ByteAttempt
from torouter.relay.call import Call
from torouter.relay.delivery import Delivery
from torouter.relay.estimate import prompt_of
from torouter.relay.losses import told
from torouter.relay.made import MadeAnswer
from torouter.relay.tokens import Tokenizer
from torouter.routing.snapshot import Candidate
from torouter.wire.exchange import Exchange
from torouter.wire.upstream import Request, Response

__all__ = ["ByteCountAttempt", "CountAttempt"]

_ANSWER_LIMIT_BYTES: Final = 1024 * 1024
_STATUSES_OF_NO_COUNTER: Final = frozenset({404, 405, 501})
_PATHS_OF_COUNTERS: Final = ("/count_tokens", "/input_tokens", ":counttokens")
"""As servers repeat the path that they do not know. Google's words for an unknown model are "models/x is not found for
API version v1beta, or is not supported for countTokens", and no path is in them."""

By = Literal["upstream", "estimate"]


class ByteCountAttempt(ByteAttempt):
    """The counter of an upstream that speaks the client's dialect; if it turns out to have none, an estimate."""

    __slots__ = ("_is_missing", "_tokenizer")

    def __init__(
        self,
        exchange: Exchange,
        admission: Admission,
        call: Call,
        candidate: Candidate,
        clock: Callable[[], float],
        tokenizer: Tokenizer,
    ) -> None:
        super().__init__(exchange, admission, call, candidate, clock)
        self._tokenizer = tokenizer
        self._is_missing = False

    def may_do_without(self, error: UpstreamError) -> bool:
        self._is_missing = _is_without_counter(error, self._candidate)
        return self._is_missing

    def delivery(self, response: Response | None) -> Delivery:
        if self._is_missing:
            chat = _counting(self.codec).decode_count(self._exchange.body)
            return _Count(self._exchange, self._call, chat, self._tokenizer, self._clock)
        self._call = _telling(self._call, "upstream")
        return super().delivery(response)


class CountAttempt:
    """Of a candidate that counts in another dialect, or not at all (then its target is that of the chat)."""

    __slots__ = ("_asked", "_call", "_candidate", "_chat", "_clock", "_exchange", "_is_missing", "_tokenizer", "codec")

    def __init__(
        self, exchange: Exchange, call: Call, candidate: Candidate, clock: Callable[[], float], tokenizer: Tokenizer
    ) -> None:
        self._exchange = exchange
        self._call = call
        self._candidate = candidate
        self._clock = clock
        self._tokenizer = tokenizer
        self._chat = _counting(call.codec).decode_count(exchange.body)
        self._asked: Encoded | None = None
        self._is_missing = False
        self.codec = CODECS[candidate.dialect]

    def request(self) -> Request | None:
        candidate = self._candidate
        self._asked = self._encoded()
        if self._asked is None:
            return None
        return candidate.target.request(
            model=candidate.upstream_model,
            verb="",
            is_stream=False,
            content_type=b"application/json",
            passed=b"",
            query=b"",
            body=self._asked.body,
            deadlines=candidate.whole_deadlines,
        )

    def _encoded(self) -> Encoded | None:
        candidate = self._candidate
        if candidate.target.operation != "count_tokens":
            return None
        weighed = _weighed(self._chat)
        try:
            return _counting(self.codec).encode_count(weighed, candidate.upstream_model, candidate.facts)
        except RequestError:
            return None

    def may_do_without(self, error: UpstreamError) -> bool:
        self._is_missing = _is_without_counter(error, self._candidate)
        return self._is_missing

    def delivery(self, response: Response | None) -> Delivery:
        count = _Count(self._exchange, self._call, self._chat, self._tokenizer, self._clock)
        if response is not None and self._asked is not None and not self._is_missing:
            count.read_from(response, _counting(self.codec), told(self._asked.losses))
        return count

    def answer_error(self, response: Response, error: UpstreamError) -> None:
        raise error


class _Count(MadeAnswer):
    """Of one number: read from an upstream's answer where there is one, else estimated."""

    __slots__ = ("_chat", "_counter", "_response", "_tokenizer")

    def __init__(
        self, exchange: Exchange, call: Call, chat: ChatRequest, tokenizer: Tokenizer, clock: Callable[[], float]
    ) -> None:
        super().__init__(exchange, call, clock)
        self._chat = chat
        self._tokenizer = tokenizer
        self._response: Response | None = None
        self._counter: Counting | None = None

    def read_from(self, response: Response, counter: Counting, losses: tuple[str, ...]) -> None:
        self._response = response
        self._counter = counter
        self.losses = losses

    def usage(self) -> Usage:
        """A count of tokens is no use of them."""
        return Usage()

    async def make(self) -> bytes:
        count = await self._read()
        self._call = _telling(self._call, "estimate" if count is None else "upstream")
        if count is None:
            prompt = prompt_of(self._chat)
            count = await self._tokenizer.count(prompt.texts) + prompt.extra_tokens
        return _counting(self._call.codec).render_count(count)

    async def _read(self) -> int | None:
        if self._response is None or self._counter is None:
            return None
        return self._counter.read_count(await self._response.read(_ANSWER_LIMIT_BYTES))


def _counting(codec: Codec) -> Counting:
    assert codec.counting is not None, "surfaces and routing offer only dialects that have a counter"
    return codec.counting


def _telling(call: Call, by: By) -> Call:
    told = b"x-torouter-token-count: %b\r\n" % by.encode()
    return msgspec.structs.replace(call, answer_headers=call.answer_headers + told)


def _weighed(chat: ChatRequest) -> ChatRequest:
    """Without the settings, which weigh nothing, and which a counter may not take. (A limit bounds what may be said of
    thinking.)"""
    limit, parallel = chat.settings.max_output_tokens, chat.settings.parallel_tool_calls
    settings = Settings(max_output_tokens=limit, parallel_tool_calls=parallel)
    return msgspec.structs.replace(chat, stream=UNSET, settings=settings)


def _is_without_counter(error: UpstreamError, candidate: Candidate) -> bool:
    """Does this say that there is no counter, as compatible servers do, and not that there is no such model?"""
    if error.upstream_status not in _STATUSES_OF_NO_COUNTER:
        return False
    message = error.message.lower()
    is_of_counter = any(path in message for path in _PATHS_OF_COUNTERS)
    is_of_model = error.code == "model_not_found" or candidate.upstream_model.lower() in message
    return is_of_counter or not is_of_model
