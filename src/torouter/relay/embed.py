"""Embeddings in another dialect: the texts go as they are, the vectors come back in the form that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from torouter.access.admission import Admission
from torouter.canon.embeddings import Embeddings, EmbedRequest
from torouter.canon.usage import Usage
from torouter.codecs import CODECS, Codec, Embedding
from torouter.errors import UpstreamError
from torouter.relay.call import Call
from torouter.relay.delivery import Delivery, Outcome
from torouter.relay.losses import losses_block, losses_told
from torouter.relay.tokens import Tokenizer
from torouter.routing.snapshot import Candidate
from torouter.wire.exchange import Exchange
from torouter.wire.upstream import Request, Response

__all__ = ["EmbedAttempt"]

_BODY_LIMIT_BYTES: Final = 256 * 1024 * 1024
"""2048 vectors of 3072 numbers are 130 MB in the longest spelling."""
_HEADERS: Final = b"content-type: application/json\r\n"


class EmbedAttempt:
    """Of a candidate that speaks another dialect than the client."""

    __slots__ = ("_asked", "_call", "_candidate", "_clock", "_exchange", "_losses", "_model", "_tokenizer", "codec")

    def __init__(
        self,
        exchange: Exchange,
        admission: Admission,
        call: Call,
        candidate: Candidate,
        clock: Callable[[], float],
        tokenizer: Tokenizer,
    ) -> None:
        self._exchange = exchange
        self._call = call
        self._candidate = candidate
        self._clock = clock
        self._tokenizer = tokenizer
        self._model = admission.model
        self._asked = _embedding(call.codec).decode_embed(exchange.body, call.verb)
        self._losses: tuple[str, ...] = ()
        self.codec = CODECS[candidate.dialect]

    def request(self) -> Request:
        candidate = self._candidate
        encoded = _embedding(self.codec).encode_embed(self._asked, candidate.upstream_model)
        self._losses = losses_told(encoded.losses)
        return candidate.target.request(
            model=candidate.upstream_model,
            verb="",
            is_stream=False,
            content_type=b"application/json",
            passed=b"",
            query=b"",
            body=encoded.body,
            deadlines=candidate.channel.deadlines,
        )

    def may_do_without(self, error: UpstreamError) -> bool:
        return False

    def delivery(self, response: Response | None) -> Delivery:
        assert response is not None, "there was a request"
        return _Embedded(
            self._exchange,
            response,
            self._call,
            self._asked,
            _embedding(self.codec),
            self._model,
            self._losses,
            self._clock,
            self._tokenizer,
        )

    def answer_error(self, response: Response, error: UpstreamError) -> None:
        raise error


class _Embedded:
    """A `Delivery` of vectors. Where the upstream does not tell what it used, that is estimated."""

    __slots__ = (
        "_asked",
        "_call",
        "_clock",
        "_exchange",
        "_model",
        "_response",
        "_tokenizer",
        "_upstream",
        "_usage",
        "first_byte_s",
        "losses",
        "outcome",
    )

    def __init__(
        self,
        exchange: Exchange,
        response: Response,
        call: Call,
        asked: EmbedRequest,
        upstream: Embedding,
        model: str,
        losses: tuple[str, ...],
        clock: Callable[[], float],
        tokenizer: Tokenizer,
    ) -> None:
        self._exchange = exchange
        self._response = response
        self._call = call
        self._asked = asked
        self._upstream = upstream
        self._model = model
        self._clock = clock
        self._tokenizer = tokenizer
        self._usage = Usage()
        self.losses = losses
        self.outcome: Outcome = "ok"
        self.first_byte_s: float | None = None

    def usage(self) -> Usage:
        return self._usage

    def deliver_whole(self, body: bytes) -> bool:
        return False

    async def deliver(self) -> None:
        found = self._upstream.read_embeddings(await self._response.read(_BODY_LIMIT_BYTES))
        self.first_byte_s = self._clock()
        if len(found.vectors) != len(self._asked.texts):
            raise UpstreamError(
                f"The upstream gave {len(found.vectors)} vectors for {len(self._asked.texts)} texts.", phase="body"
            )
        found = await self._with_usage(found)
        self._usage = found.usage
        headers = _HEADERS + losses_block(self.losses) + self._call.headers_for(self._exchange.request_id)
        body = _embedding(self._call.codec).render_embeddings(found, self._asked, self._model)
        self._exchange.respond(200, headers, body)

    async def _with_usage(self, found: Embeddings) -> Embeddings:
        if found.usage.quality != "none":
            return found
        usage = Usage(input_tokens=await self._tokenizer.count(self._asked.texts), quality="estimated")
        return msgspec.structs.replace(found, usage=usage)


def _embedding(codec: Codec) -> Embedding:
    assert codec.embedding is not None, "surfaces and routing offer only dialects that have embeddings"
    return codec.embedding
