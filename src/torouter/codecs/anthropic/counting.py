"""Token counts: `POST /v1/messages/count_tokens`, seen 2026-11. Its body is a Messages body without limits, sampling
and streaming, which the API refuses there as unknown."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec

from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest
from torouter.codecs.anthropic.decode_request import decode_request
from torouter.codecs.anthropic.encode_request import encode_request
from torouter.codecs.codec import Counting, Encoded
from torouter.codecs.counts import narrowed, read_count

__all__ = ["COUNTING"]

_FIELDS: Final = ("model", "system", "tools", "tool_choice", "thinking", "output_config", "messages")


def _encode_count(request: ChatRequest, model: str, facts: ModelFacts) -> Encoded:
    return narrowed(encode_request(request, model, facts), _FIELDS)


def _render_count(count: int) -> bytes:
    return msgspec.json.encode({"input_tokens": count})


COUNTING: Final = Counting(
    decode_count=partial(decode_request, is_count=True),
    encode_count=_encode_count,
    read_count=partial(read_count, name="input_tokens"),
    render_count=_render_count,
)
