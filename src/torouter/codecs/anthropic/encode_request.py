"""Canon into a Messages request. `messages` comes last, so that a growing conversation only appends to the bytes."""

from __future__ import annotations

from torouter.canon.losses import LossLog
from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest
from torouter.codecs.anthropic.encode_messages import encode_messages
from torouter.codecs.anthropic.encode_settings import (
    encode_format,
    encode_labels,
    encode_limit,
    encode_sampling,
    settle_settings,
    split_stops,
)
from torouter.codecs.anthropic.encode_thinking import encode_thinking
from torouter.codecs.anthropic.encode_tools import encode_tool_choice, encode_tools
from torouter.codecs.anthropic.home import encode_home
from torouter.codecs.codec import Encoded
from torouter.codecs.foreign_request import encode_foreign
from torouter.codecs.json_objects import Json
from torouter.codecs.lowering import lowered

__all__ = ["encode_request"]


def encode_request(request: ChatRequest, model: str, facts: ModelFacts) -> Encoded:
    """Raises `RequestError` for what must not be dropped. Pure, and the same bytes for the same request."""
    if request.dialect == "anthropic":
        return Encoded(body=encode_home(request, model))
    plain = lowered(request, has_objects_only=True)
    stops, others = split_stops(plain)
    return encode_foreign(plain, "anthropic", facts, lambda log: _body(plain, model, facts, stops, log), stops=others)


def _body(request: ChatRequest, model: str, facts: ModelFacts, stops: tuple[str, ...], log: LossLog) -> Json:
    settle_settings(request, log)
    conversation = encode_messages(request, facts, log)
    tools = encode_tools(request, log)
    choice = encode_tool_choice(request, tools, log)
    thinking = encode_thinking(
        request,
        facts,
        encode_limit(request, facts, log),
        choice,
        lacks_thinking=conversation.lacks_thinking,
        log=log,
    )
    config = {**thinking.output_config, **encode_format(request, log)}
    body: Json = {"model": model, "max_tokens": thinking.limit.tokens}
    if request.stream is True:
        body["stream"] = True
    body |= encode_sampling(request, facts, thinking, log)
    body |= {
        name: value
        for name, value in (
            ("stop_sequences", stops),
            ("thinking", thinking.thinking),
            ("output_config", config),
            ("tool_choice", choice),
        )
        if value
    }
    body |= encode_labels(request, log)
    if tools:
        body["tools"] = tools
    if conversation.system:
        body["system"] = conversation.system
    body["messages"] = conversation.messages
    return body
