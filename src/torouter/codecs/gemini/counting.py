"""Token counts: `:countTokens`, seen 2026-11. It takes bare `contents` or a whole `generateContentRequest`; only the
latter can hold instructions and tools. Vertex takes those beside `contents`, and so do we."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec

from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest
from torouter.codecs.codec import Counting, Encoded
from torouter.codecs.counts import read_count
from torouter.codecs.fields import read_body
from torouter.codecs.gemini.decode_request import decode_request
from torouter.codecs.gemini.encode_request import encode_request
from torouter.codecs.gemini.spelling import CamelFields
from torouter.errors import RequestError

__all__ = ["COUNTING"]

_WHOLE: Final = "generateContentRequest"


def _decode_count(body: bytes) -> ChatRequest:
    read_body(body)
    top = CamelFields(body, "")
    whole = top.raw(_WHOLE)
    if whole is None:
        return decode_request(body)
    if top.raw("contents") is not None:
        path = top.at(_WHOLE)
        raise RequestError(
            f"`contents` and `{path}` exclude each other: send one of them", code="invalid_value", param=path
        )
    return decode_request(whole)


def _encode_count(request: ChatRequest, model: str, facts: ModelFacts) -> Encoded:
    encoded = encode_request(request, model, facts)
    resource = msgspec.json.encode(model if "/" in model else f"models/{model}")
    whole = b'{"model":%b,%b' % (resource, encoded.body.removeprefix(b"{"))
    return Encoded(body=b'{"%b":%b}' % (_WHOLE.encode(), whole), losses=encoded.losses)


def _render_count(count: int) -> bytes:
    return msgspec.json.encode({"totalTokens": count})


COUNTING: Final = Counting(
    decode_count=_decode_count,
    encode_count=_encode_count,
    read_count=partial(read_count, name="totalTokens"),
    render_count=_render_count,
)
