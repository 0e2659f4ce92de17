"""Canon into a `generateContent` request. The model and the streaming are in its path, which is the relay's to write;
`contents` comes last, so that a growing conversation only appends to the bytes."""

from __future__ import annotations

from torouter.canon.losses import LossLog
from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest
from torouter.codecs.codec import Encoded
from torouter.codecs.foreign_request import encode_foreign
from torouter.codecs.gemini.encode_messages import encode_messages
from torouter.codecs.gemini.encode_settings import encode_settings, encode_thinking, encode_tier, settle_settings
from torouter.codecs.gemini.encode_tools import encode_format, encode_tool_config, encode_tools
from torouter.codecs.gemini.home import encode_home
from torouter.codecs.json_objects import Json
from torouter.codecs.lowering import lowered

__all__ = ["encode_request"]


def encode_request(request: ChatRequest, model: str, facts: ModelFacts) -> Encoded:
    """Raises `RequestError` for what must not be dropped. Pure, and the same bytes for the same request."""
    if request.dialect == "gemini":
        return Encoded(body=encode_home(request))
    plain = lowered(request, has_objects_only=True)
    return encode_foreign(plain, "gemini", facts, lambda log: _body(plain, facts, log))


def _body(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Json:
    settle_settings(request, log)
    tools = encode_tools(request, facts, log)
    conversation = encode_messages(request, log, is_gemini_3=facts.reasoning == "level")
    config = {
        **encode_settings(request, facts, log),
        **encode_thinking(request, facts, log),
        **encode_format(request, facts, log),
    }
    system = {"parts": conversation.system} if conversation.system else {}
    body: Json = {
        name: value
        for name, value in (
            ("generationConfig", config),
            ("toolConfig", encode_tool_config(request, log)),
            ("tools", tools),
            ("systemInstruction", system),
        )
        if value
    }
    return {**encode_tier(request, log), **body, "contents": conversation.contents}
