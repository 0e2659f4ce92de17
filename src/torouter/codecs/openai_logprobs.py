"""Log probabilities of tokens as both of OpenAI's dialects write them: a list of tokens, each with its alternatives."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Raw

from torouter.canon.logprobs import TokenLogprob
from torouter.codecs.absent import has_value
from torouter.codecs.json_objects import Json
from torouter.codecs.unreadable import UNREADABLE

__all__ = ["read_logprobs", "render_logprobs"]


class _Alternative(msgspec.Struct):
    token: str = ""
    logprob: float = 0.0
    bytes: tuple[int, ...] | None = None


class _Token(_Alternative):
    top_logprobs: list[_Alternative] | None = None


_read_tokens = msgspec.json.Decoder(list[_Token]).decode


def read_logprobs(raw: Raw) -> tuple[TokenLogprob, ...]:
    """None for what is no such list: of answers that nobody asked for them they say nothing."""
    if not has_value(raw):
        return ()
    try:
        return tuple(_canon(token) for token in _read_tokens(raw))
    except UNREADABLE:
        return ()


def render_logprobs(tokens: Iterable[TokenLogprob]) -> list[Json]:
    """A token whose bytes are not known has none: the typed model of Responses requires a list."""
    return [{**_written(token), "top_logprobs": [_written(each) for each in token.top]} for token in tokens]


def _canon(token: _Token) -> TokenLogprob:
    top = tuple(
        TokenLogprob(token=each.token, logprob=each.logprob, utf8=each.bytes) for each in token.top_logprobs or ()
    )
    return TokenLogprob(token=token.token, logprob=token.logprob, utf8=token.bytes, top=top)


def _written(token: TokenLogprob) -> Json:
    return {"token": token.token, "logprob": token.logprob, "bytes": list(token.utf8 or ())}
