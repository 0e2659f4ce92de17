"""How deep a model should think, in one ladder for all dialects; and what is known of a model."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Depth", "ModelFacts", "Reasoning", "ReasoningStyle"]

Depth = Literal["off", "minimal", "low", "medium", "high", "xhigh", "max", "auto"]
"""`auto` is the provider's default depth, with the reasoning visible."""

ReasoningStyle = Literal["none", "effort", "adaptive", "budget", "level", "flag", "openrouter"]
"""How an upstream model is told to think: an effort word (OpenAI), Claude's adaptive form, a budget (older Claude,
Gemini 2.5), a level (Gemini 3), an on/off flag (DeepSeek, Qwen …), OpenRouter's `reasoning` object, or not at all."""


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """A depth, or a budget in tokens (then `depth` is `auto`)."""

    depth: Depth = "auto"
    budget_tokens: int | None = None


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What encoders need to know of the upstream's model. Limits in tokens; `None` is unknown. `takes_json_schema`:
    does a server of Gemini's API know JSON Schema, or only the older form of OpenAPI's? `takes_system_turns`: does a
    Claude take instructions in mid-conversation? `takes_links`: are links to images and documents followed at all?"""

    reasoning: ReasoningStyle = "none"
    may_disable_reasoning: bool = True
    takes_reasoning: bool = False
    """Does it want the reasoning of its earlier answers back, as the visible text that it gave?"""
    takes_sampling: bool = True
    takes_json_schema: bool = True
    takes_system_turns: bool = False
    takes_links: bool = True
    media_limit_bytes: int | None = None
    """Of all media of a request together, as they stand in it: in base64."""
    max_output_tokens: int | None = None
    min_budget_tokens: int = 1024
    max_budget_tokens: int | None = None
