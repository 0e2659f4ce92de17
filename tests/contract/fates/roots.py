"""What a request of each dialect may hold at its top: the official packages' records, and what clients send besides."""

from __future__ import annotations

from typing import Any

from anthropic.types.beta.message_create_params import MessageCreateParamsStreaming as BetaMessages
from anthropic.types.message_create_params import MessageCreateParamsStreaming as Messages
from google.genai import types as genai
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming as Chat
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming as Responses

from torouter.units import Dialect

__all__ = ["BEYOND", "CLIENT_ONLY", "GEMINI_TOP", "OF_ASSISTANTS", "ROOTS", "TALK", "UNKNOWN"]

ROOTS: dict[Dialect, tuple[Any, ...]] = {
    "openai-chat": (Chat,),
    "openai-responses": (Responses,),
    "anthropic": (Messages, BetaMessages),
    "gemini": (),
}
"""The records of a request's top level. Of Gemini there is none: its package knows what stands below."""
GEMINI_TOP: dict[str, Any] = {
    "systemInstruction": genai.Content,
    "contents": list[genai.Content],
    "tools": list[genai.Tool],
    "toolConfig": genai.ToolConfig,
    "safetySettings": list[genai.SafetySetting],
    "generationConfig": genai.GenerationConfig,
    "cachedContent": str,
    "serviceTier": genai.ServiceTier,
    "labels": dict[str, str],
    "store": bool,
    "continuationToken": str,
    "modelArmorConfig": genai.ModelArmorConfig,
}
UNKNOWN = "made_up"
"""A field that nobody knows yet."""
CLIENT_ONLY = frozenset({"model", "betas", "stream"})
"""Routing's own, and what the packages send as a header."""
BEYOND: dict[Dialect, dict[str, list[Any]]] = {
    "openai-chat": {
        "top_k": [5],
        "reasoning": [{"effort": "high"}, {"max_tokens": 2000}, {"enabled": True}, {"exclude": True}],
        "thinking": [{"type": "enabled"}, {"type": "disabled"}],
    },
    "openai-responses": {"client_metadata": [{"client": "c"}]},
    "anthropic": {"temperature": [0.5, 1], "top_p": [0.5, 1], "top_k": [5]},
    "gemini": {},
}
"""What the packages do not know (any more) and clients send: fields of compatible servers, and of an older version."""
OF_ASSISTANTS = ("reasoning_content", "reasoning", "reasoning_details", "annotations")
"""The same of a Chat client's messages of assistants."""
TALK: dict[Dialect, str] = {
    "openai-chat": "messages",
    "openai-responses": "input",
    "anthropic": "messages",
    "gemini": "contents",
}
"""The field that holds the conversation."""
