"""Canon into a Chat Completions request. `messages` comes last, so that a growing conversation only appends to it.

The limit is written as `max_completion_tokens`; a channel whose servers know only the older name renames it.
"""

from __future__ import annotations

from torouter.canon.losses import LossLog
from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest
from torouter.codecs.codec import Encoded
from torouter.codecs.foreign_request import encode_foreign
from torouter.codecs.json_objects import Json
from torouter.codecs.lowering import lowered
from torouter.codecs.openai_chat.encode_messages import encode_messages
from torouter.codecs.openai_chat.encode_reasoning import encode_reasoning
from torouter.codecs.openai_chat.encode_settings import encode_settings
from torouter.codecs.openai_chat.encode_tools import encode_format, encode_tool_choice, encode_tools
from torouter.codecs.openai_chat.home import encode_home

__all__ = ["encode_request"]


def encode_request(request: ChatRequest, model: str, facts: ModelFacts) -> Encoded:
    """Raises `RequestError` for what must not be dropped. Pure, and the same bytes for the same request."""
    if request.dialect == "openai-chat":
        return Encoded(body=encode_home(request, model))
    plain = lowered(request, has_objects_only=False)
    return encode_foreign(plain, "openai-chat", facts, lambda log: _body(plain, model, facts, log))


def _body(request: ChatRequest, model: str, facts: ModelFacts, log: LossLog) -> Json:
    """A stream is always asked for its usage: the caller's dialect may need it, and the bill does."""
    body: Json = {"model": model}
    if request.stream is True:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    body |= encode_settings(request, facts, log)
    body |= encode_reasoning(request, facts, log)
    body |= encode_format(request.output, log)
    tools = encode_tools(request, log)
    if tools:
        body["tools"] = tools
    body |= encode_tool_choice(request, log)
    body["messages"] = encode_messages(request, log, takes_reasoning=facts.takes_reasoning)
    return body
