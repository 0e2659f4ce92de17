"""Canon into a Responses request. `input` comes last, so that a growing conversation only appends to it.

Nothing is ever stored at the upstream: the conversation is whole in each request.
"""

from __future__ import annotations

from typing import Final

from torouter.canon.losses import LossLog
from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest
from torouter.codecs.codec import Encoded
from torouter.codecs.foreign_request import encode_foreign
from torouter.codecs.json_objects import Json
from torouter.codecs.openai_responses.encode_input import encode_input
from torouter.codecs.openai_responses.encode_settings import encode_reasoning, encode_settings, encode_text
from torouter.codecs.openai_responses.encode_tools import encode_tool_choice, encode_tools
from torouter.codecs.openai_responses.home import encode_home

__all__ = ["encode_request"]

_STATE: Final = "reasoning.encrypted_content"
_LOGPROBS: Final = "message.output_text.logprobs"


def encode_request(request: ChatRequest, model: str, facts: ModelFacts) -> Encoded:
    """Raises `RequestError` for what must not be dropped. Pure, and the same bytes for the same request."""
    if request.dialect == "openai-responses":
        return Encoded(body=encode_home(request, model))
    stops = request.settings.stop or ()  # it has no stop sequences
    return encode_foreign(
        request, "openai-responses", facts, lambda log: _body(request, model, facts, log), stops=stops
    )


def _body(request: ChatRequest, model: str, facts: ModelFacts, log: LossLog) -> Json:
    body: Json = {"model": model, "store": False}
    if request.stream is True:
        body["stream"] = True
    body |= encode_settings(request, facts, log)
    body |= encode_reasoning(request, facts, log)
    include = _include(request, facts)
    if include:
        body["include"] = include
    body |= encode_text(request, log)
    tools = encode_tools(request, log)
    if tools:
        body["tools"] = tools
    body |= encode_tool_choice(request)
    body["input"] = encode_input(request, log)
    return body


def _include(request: ChatRequest, facts: ModelFacts) -> list[str]:
    """State that is not stored there has to be brought back."""
    state = [] if facts.reasoning == "none" else [_STATE]
    return [*state, _LOGPROBS] if request.settings.wants_logprobs else state
