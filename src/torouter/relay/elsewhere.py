"""What upstreams keep themselves: calls by id, whose owner is not known, pass to each of them until one knows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from torouter.codecs import CODECS
from torouter.errors import UpstreamError
from torouter.relay.error_answer import read_error_answer
from torouter.relay.verdict import exhausted
from torouter.wire.exchange import Exchange
from torouter.wire.headers import client_block
from torouter.wire.upstream import Request, Response, Upstream

__all__ = ["Elsewhere"]

_UNKNOWN: Final = frozenset({404, 405, 501})
"""It does not know the id, or has no such calls at all: many servers that speak Responses keep nothing."""
_CANNOT_SAY: Final = frozenset({401, 402, 403, 408, 429})
"""The channel's own trouble. Any other refusal is an answer."""


class Elsewhere:
    """Bytes to an upstream and back. Nothing is written down: these calls use no tokens."""

    __slots__ = ("_upstreams",)

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams

    async def answer(self, exchange: Exchange, requests: Iterable[Request], headers: bytes) -> bool:
        """Did anybody know? Then the exchange has its answer. Raises `UpstreamError` where nobody did and somebody
        could not say."""
        last: UpstreamError | None = None
        for request in requests:
            try:
                if await self._ask(exchange, request, headers):
                    return True
            except UpstreamError as error:
                last = error
        if last is not None:
            raise exhausted(last)
        return False

    async def _ask(self, exchange: Exchange, request: Request, headers: bytes) -> bool:
        response = await self._upstreams[request.origin.scheme].send(request)
        try:
            if response.status in _UNKNOWN:
                return False
            if response.status in _CANNOT_SAY or response.status >= 500:
                raise await read_error_answer(CODECS["openai-responses"], response)
            await _give(exchange, response, headers)
        finally:
            exchange.on_pause = exchange.on_resume = None
            response.close()
        return True


async def _give(exchange: Exchange, response: Response, headers: bytes) -> None:
    headers = client_block(response.headers) + headers
    body = response.body
    if body is not None:
        exchange.respond(response.status, headers, body)
        return
    length = response.header(b"content-length")
    exchange.begin(response.status, headers, int(length) if length else None)
    exchange.on_pause, exchange.on_resume = response.pause, response.resume
    try:
        await response.pipe(exchange.write)
    except UpstreamError:
        exchange.abort()  # the client sees the length unmet, or the last chunk missing
    else:
        exchange.end()
