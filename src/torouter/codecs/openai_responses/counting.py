"""Token counts: `POST /v1/responses/input_tokens`, seen 2026-11. Its body is a Responses body without limits, sampling,
labels and streaming."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec

from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest
from torouter.codecs.codec import Counting, Encoded
from torouter.codecs.counts import narrowed, read_count
from torouter.codecs.openai_responses.decode_request import decode_request
from torouter.codecs.openai_responses.encode_request import encode_request

__all__ = ["COUNTING"]

_FIELDS: Final = ("model", "reasoning", "text", "tools", "tool_choice", "parallel_tool_calls", "input")


def _encode_count(request: ChatRequest, model: str, facts: ModelFacts) -> Encoded:
    return narrowed(encode_request(request, model, facts), _FIELDS)


def _render_count(count: int) -> bytes:
    return msgspec.json.encode({"object": "response.input_tokens", "input_tokens": count})


COUNTING: Final = Counting(
    decode_count=decode_request,
    encode_count=_encode_count,
    read_count=partial(read_count, name="input_tokens"),
    render_count=_render_count,
)
