"""`thinkingConfig`: how deep a Gemini is told to think. Budgets for 2.5, levels from 3 on, never both (Gemini API,
thinking, seen 2026-11)."""

from __future__ import annotations

from typing import Final

from torouter.canon.reasoning import Depth, ModelFacts, Reasoning
from torouter.codecs.thinking import clamped, level_of

__all__ = ["ThinkingConfig", "thinking_config"]

ThinkingConfig = dict[str, bool | int | str]

_BUDGETS: Final[dict[Depth, int]] = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 24576}
_MOST_BUDGET: Final = 24576
"""What every Gemini 2.5 takes, where the model's own limit is not known."""
_LEVELS: Final[dict[Depth, str]] = {
    "off": "LOW",  # no Gemini 3 can be told not to think; some have no MINIMAL
    "minimal": "LOW",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",  # XHIGH is an error on most
    "max": "HIGH",
}


def thinking_config(reasoning: Reasoning, facts: ModelFacts) -> ThinkingConfig:
    return _budget(reasoning, facts) if facts.reasoning == "budget" else _level(reasoning)


def _budget(reasoning: Reasoning, facts: ModelFacts) -> ThinkingConfig:
    """−1 leaves the depth to the model. What cannot be switched off gets its least."""
    level = level_of(reasoning)
    if level == "off":
        return {"thinkingBudget": 0 if facts.may_disable_reasoning else facts.min_budget_tokens}
    if level == "auto":
        return {"includeThoughts": True, "thinkingBudget": -1}
    most = facts.max_budget_tokens or _MOST_BUDGET
    wanted = reasoning.budget_tokens or _BUDGETS.get(level, most)
    return {"includeThoughts": True, "thinkingBudget": clamped(wanted, facts, _MOST_BUDGET)}


def _level(reasoning: Reasoning) -> ThinkingConfig:
    level = level_of(reasoning)
    if level == "auto":
        return {"includeThoughts": True}
    if level == "off":
        return {"thinkingLevel": _LEVELS[level]}
    return {"includeThoughts": True, "thinkingLevel": _LEVELS[level]}
