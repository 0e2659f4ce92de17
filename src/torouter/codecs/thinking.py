"""What all dialects share of `-thinking` names: the ladder of depths, and when nothing is to be said.

The table of depths is a convention, chosen so that level → budget → level gives the same level. An explicit reasoning
setting in the body, whatever it says, wins over the name, which is then only stripped.
"""

from __future__ import annotations

from collections.abc import Mapping

from torouter.canon import depths
from torouter.canon.reasoning import Depth, ModelFacts, Reasoning
from torouter.codecs.figures import is_given
from torouter.errors import RequestError

__all__ = ["clamped", "effort_of", "gives_any", "level_of", "refuse_without_variant"]


def level_of(reasoning: Reasoning) -> Depth:
    """The rung of the ladder: as named, or nearest to a budget."""
    budget = reasoning.budget_tokens
    return reasoning.depth if budget is None else depths.level_of(budget)


def effort_of(reasoning: Reasoning, facts: ModelFacts) -> str:
    """OpenAI's word. `auto` says `medium`: that is the default of the models that reason unasked, and models that do
    not (gpt-5.1 and later, seen 2026-11) would otherwise answer without reasoning to a name that asks for it."""
    level = level_of(reasoning)
    if level == "off":
        return "none" if facts.may_disable_reasoning else "minimal"
    return "medium" if level == "auto" else level


def clamped(budget_tokens: int, facts: ModelFacts, default_max_tokens: int | None = None) -> int:
    """Within what the model takes."""
    most = facts.max_budget_tokens if facts.max_budget_tokens is not None else default_max_tokens
    budget_tokens = max(budget_tokens, facts.min_budget_tokens)
    return budget_tokens if most is None else min(budget_tokens, most)


def gives_any(values: Mapping[str, bytes], *names: str) -> bool:
    """Does the client itself give one of these fields, other than as null?"""
    return any(name in values and is_given(values[name]) for name in names)


def refuse_without_variant(facts: ModelFacts) -> None:
    if facts.reasoning == "none":
        raise RequestError(
            "This model has no thinking variant: leave the suffix out of its name.",
            code="unsupported_value",
            param="model",
        )
