"""How deep a foreign request wants the model to think, in the form that this Claude model takes; what that excludes.

Extended and adaptive thinking, seen 2026-11: a budget must be at least 1024 and below `max_tokens`; thinking excludes a
forced tool choice, `top_k`, any temperature but 1 and a `top_p` below 0.95.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from torouter.canon.depths import budget_of, level_of
from torouter.canon.losses import LossLog
from torouter.canon.reasoning import Depth, ModelFacts, Reasoning
from torouter.canon.request import ChatRequest
from torouter.codecs.json_objects import Json

__all__ = ["Limit", "Thinking", "encode_thinking"]

_FORCED: Final = frozenset({"any", "tool"})


@dataclass(frozen=True, slots=True)
class Limit:
    """`max_tokens`, and whether the caller set it or we did."""

    tokens: int
    is_explicit: bool


@dataclass(frozen=True, slots=True)
class Thinking:
    """`fields` are `thinking` and the effort within `output_config`; `limit` may have had to grow."""

    limit: Limit
    is_on: bool = False
    thinking: Json | None = None
    output_config: Json = field(default_factory=dict)


def encode_thinking(
    request: ChatRequest, facts: ModelFacts, limit: Limit, choice: Json | None, *, lacks_thinking: bool, log: LossLog
) -> Thinking:
    """`lacks_thinking`: the request ends in results of tools, whose calls (being foreign) carry no thinking."""
    said, path = request.reasoning, request.reasoning_path
    if said is None:
        return Thinking(limit)
    is_off = said.depth == "off" or said.budget_tokens == 0
    if facts.reasoning not in ("adaptive", "budget"):
        if not is_off:
            log.report(path, "dropped", "the model does not reason")
        return Thinking(limit)
    if is_off:
        return _off(facts, limit, path, log)
    if choice is not None and choice["type"] in _FORCED:
        log.report(path, "dropped", "the model cannot reason where a call is forced")
        return Thinking(limit)
    if facts.reasoning == "adaptive":
        return _adaptive(said, limit, path, log)
    if lacks_thinking:
        log.report(path, "dropped", "the calls before the results carry no reasoning of this model's")
        return Thinking(limit)
    return _budget(said, facts, limit, path, log)


def _off(facts: ModelFacts, limit: Limit, path: str, log: LossLog) -> Thinking:
    if facts.may_disable_reasoning:
        return Thinking(limit, thinking={"type": "disabled"})
    log.report(path, "approximated", "the model always reasons; it was asked to reason little")
    return Thinking(limit, is_on=True, output_config={"effort": "low"})


def _adaptive(said: Reasoning, limit: Limit, path: str, log: LossLog) -> Thinking:
    depth: Depth = said.depth if said.budget_tokens is None else level_of(said.budget_tokens)
    if depth == "minimal":
        if said.budget_tokens is None:
            log.report(path, "approximated", "the least effort of this model is `low`")
        depth = "low"
    effort: Json = {} if depth == "auto" else {"effort": depth}
    return Thinking(limit, is_on=True, thinking={"type": "adaptive", "display": "summarized"}, output_config=effort)


def _budget(said: Reasoning, facts: ModelFacts, limit: Limit, path: str, log: LossLog) -> Thinking:
    wanted = budget_of(said.depth) if said.budget_tokens is None or said.budget_tokens < 0 else said.budget_tokens
    least = facts.min_budget_tokens
    budget = max(least, min(wanted, facts.max_budget_tokens or wanted))
    if not limit.is_explicit:
        ceiling = facts.max_output_tokens
        grown = limit.tokens + budget if ceiling is None else min(limit.tokens + budget, ceiling)
        limit = Limit(max(grown, limit.tokens), is_explicit=False)
    if budget >= limit.tokens:
        if limit.tokens - 1 < least:
            log.report(path, "dropped", f"the limit of {limit.tokens} tokens leaves no room to reason")
            return Thinking(limit)
        log.report(path, "approximated", f"the limit of {limit.tokens} tokens cut the room to reason")
        budget = limit.tokens - 1
    return Thinking(limit, is_on=True, thinking={"type": "enabled", "budget_tokens": budget})
