"""How deep a foreign request wants the model to think, in the form that this upstream takes."""

from __future__ import annotations

from torouter.canon.depths import level_of
from torouter.canon.losses import LossLog
from torouter.canon.reasoning import Depth, ModelFacts, Reasoning
from torouter.canon.request import ChatRequest
from torouter.codecs.json_objects import Json

__all__ = ["encode_reasoning"]


def encode_reasoning(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Json:
    """`auto` is said by saying nothing, where the model reasons by itself."""
    said, path = request.reasoning, request.reasoning_path
    if said is None:
        return {}
    depth: Depth = said.depth if said.budget_tokens is None else level_of(said.budget_tokens)
    if facts.reasoning == "effort":
        return _effort(depth, facts, path, log)
    if facts.reasoning == "openrouter":
        return {"reasoning": _openrouter(said, depth)}
    if facts.reasoning == "flag":
        if said.budget_tokens is None and depth not in ("off", "auto"):
            log.report(path, "approximated", "the model's reasoning can only be on or off")
        return {"thinking": {"type": "disabled" if depth == "off" else "enabled"}}
    if depth != "off":
        log.report(path, "dropped", "the model does not reason")
    return {}


def _effort(depth: Depth, facts: ModelFacts, path: str, log: LossLog) -> Json:
    if depth == "auto":
        return {}
    if depth != "off":
        return {"reasoning_effort": depth}
    if facts.may_disable_reasoning:
        return {"reasoning_effort": "none"}
    log.report(path, "approximated", "the model always reasons; it was asked to reason little")
    return {"reasoning_effort": "minimal"}


def _openrouter(said: Reasoning, depth: Depth) -> Json:
    if depth == "off":
        return {"enabled": False}
    if said.budget_tokens is not None and said.budget_tokens > 0:
        return {"max_tokens": said.budget_tokens}
    return {"enabled": True} if depth == "auto" else {"effort": depth}
