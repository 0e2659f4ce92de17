"""Embeddings in another dialect: the texts go as they are, the vectors come back in the form that was asked for.

More texts than one upstream request may hold go in several, one after the other; the answer is one, or an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from torouter.access.admission import Admission
from torouter.canon.embeddings import Embeddings, EmbedRequest
from torouter.canon.usage import Usage
from torouter.codecs import CODECS, Codec, Embedding
from torouter.errors import UpstreamError
from torouter.relay.call import Call
from torouter.relay.delivery import Delivery
from torouter.relay.losses import told
from torouter.relay.made import MadeAnswer
from torouter.relay.tokens import Tokenizer
from torouter.routing.snapshot import Candidate
from torouter.wire.exchange import Exchange
from torouter.wire.upstream import Request, Response

__all__ = ["EmbedAttempt"]

_BODY_LIMIT_BYTES: Final = 256 * 1024 * 1024
"""2048 vectors of 3072 numbers are 130 MB in the longest spelling."""

Fetch = Callable[[Codec, Request, int], Awaitable[bytes]]
"""(upstream's codec, request, limit in bytes) → the body of its answer. Raises `UpstreamError` for an error answer."""


class EmbedAttempt:
    """Of a candidate that speaks another dialect than the client."""

    __slots__ = (
        "_asked",
        "_call",
        "_candidate",
        "_clock",
        "_exchange",
        "_fetch",
        "_losses",
        "_model",
        "_rest",
        "_tokenizer",
        "codec",
    )

    def __init__(
        self,
        exchange: Exchange,
        admission: Admission,
        call: Call,
        candidate: Candidate,
        clock: Callable[[], float],
        tokenizer: Tokenizer,
        fetch: Fetch,
    ) -> None:
        self._exchange = exchange
        self._call = call
        self._fetch = fetch
        self._rest: list[Request] = []
        self._candidate = candidate
        self._clock = clock
        self._tokenizer = tokenizer
        self._model = admission.model
        self._asked = _embedding(call.codec).decode_embed(exchange.body, call.verb)
        self._losses: tuple[str, ...] = ()
        self.codec = CODECS[candidate.dialect]

    def request(self) -> Request:
        candidate, upstream = self._candidate, _embedding(self.codec)
        texts, limit = self._asked.texts, upstream.batch_limit
        batches = [
            msgspec.structs.replace(self._asked, texts=texts[start : start + limit])
            for start in range(0, max(1, len(texts)), limit)
        ]
        encoded = [upstream.encode_embed(batch, candidate.upstream_model) for batch in batches]
        self._losses = told(encoded[0].losses)
        first, *self._rest = [self._request(batch.body) for batch in encoded]
        return first

    def _request(self, body: bytes) -> Request:
        candidate = self._candidate
        return candidate.target.request(
            model=candidate.upstream_model,
            verb="",
            is_stream=False,
            content_type=b"application/json",
            passed=b"",
            query=b"",
            body=body,
            deadlines=candidate.whole_deadlines,
        )

    def may_do_without(self, error: UpstreamError) -> bool:
        return False

    def delivery(self, response: Response | None) -> Delivery:
        assert response is not None, "there was a request"
        return _Embedded(
            self._exchange,
            self._call,
            self._asked,
            self._model,
            self._losses,
            self._clock,
            self._tokenizer,
            partial(self._answers, response),
        )

    async def _answers(self, first: Response) -> list[Embeddings]:
        """To all the requests, in order. Each is read when it has come: a batch of numbers takes 50 ms to read."""
        answers = [self._read(await first.read(_BODY_LIMIT_BYTES), 0)]
        for batch, request in enumerate(self._rest, 1):
            answers.append(self._read(await self._fetch(self.codec, request, _BODY_LIMIT_BYTES), batch))
        return answers

    def _read(self, body: bytes, batch: int) -> Embeddings:
        """Raises `UpstreamError` where not each text of the batch has its vector."""
        upstream = _embedding(self.codec)
        answer, limit = upstream.read_embeddings(body), upstream.batch_limit
        asked, given = len(self._asked.texts[batch * limit : (batch + 1) * limit]), len(answer.vectors)
        if given != asked:
            raise UpstreamError(f"The upstream gave {given} vectors for {asked} texts.", phase="body")
        return answer

    def answer_error(self, response: Response, error: UpstreamError) -> None:
        raise error


class _Embedded(MadeAnswer):
    """Of vectors. Where the upstream does not tell what it used, that is estimated."""

    __slots__ = ("_answers", "_asked", "_model", "_tokenizer", "_usage")

    def __init__(
        self,
        exchange: Exchange,
        call: Call,
        asked: EmbedRequest,
        model: str,
        losses: tuple[str, ...],
        clock: Callable[[], float],
        tokenizer: Tokenizer,
        answers: Callable[[], Awaitable[Sequence[Embeddings]]],
    ) -> None:
        super().__init__(exchange, call, clock, losses)
        self._asked = asked
        self._model = model
        self._tokenizer = tokenizer
        self._answers = answers
        self._usage = Usage()

    def usage(self) -> Usage:
        return self._usage

    async def make(self) -> bytes:
        answers = await self._answers()
        vectors = tuple(vector for answer in answers for vector in answer.vectors)
        self._usage = await self._used(answers)
        whole = Embeddings(vectors=vectors, usage=self._usage)
        render = _embedding(self._call.codec).render_embeddings
        return await asyncio.to_thread(render, whole, self._asked, self._model)

    async def _used(self, answers: Sequence[Embeddings]) -> Usage:
        if all(answer.usage.quality == "reported" for answer in answers):
            return Usage(
                input_tokens=sum(answer.usage.total_input_tokens for answer in answers),
                quality="reported",
                raw=answers[0].usage.raw if len(answers) == 1 else b"",
            )
        return Usage(input_tokens=await self._tokenizer.count(self._asked.texts), quality="estimated")


def _embedding(codec: Codec) -> Embedding:
    assert codec.embedding is not None, "surfaces and routing offer only dialects that have embeddings"
    return codec.embedding
