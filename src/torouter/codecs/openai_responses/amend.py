"""Amendments to a Responses body. Its usage always comes with the terminal event, so there is nothing to ask for."""

from __future__ import annotations

import msgspec

from torouter.canon.capsule import is_marked
from torouter.canon.losses import Loss
from torouter.canon.reasoning import ModelFacts, Reasoning
from torouter.codecs.codec import Amended, Edits
from torouter.codecs.openai_responses.withdraw import without_capsules
from torouter.codecs.splice import edit, replace_model, values_of
from torouter.codecs.thinking import effort_of, gives_any, refuse_without_variant
from torouter.units import Operation

__all__ = ["amend"]


def amend(operation: Operation, body: bytes, content_type: bytes, edits: Edits) -> Amended:
    """Raises `RequestError` where a `-thinking` name meets a model that cannot be told to think."""
    losses: tuple[Loss, ...] = ()
    if is_marked(body):
        body, losses = without_capsules(body)
    if edits.reasoning is not None and operation == "chat":
        body = _with_reasoning(body, edits.reasoning, edits.facts)
    if edits.model is not None:
        body = replace_model(body, msgspec.json.encode(edits.model))
    return Amended(body=body, losses=losses)


def _with_reasoning(body: bytes, reasoning: Reasoning, facts: ModelFacts) -> bytes:
    """Without a summary asked for, no reasoning text is returned at all."""
    if gives_any(values_of(body), "reasoning"):
        return body
    refuse_without_variant(facts)
    effort = effort_of(reasoning, facts)
    said = {"effort": effort} if effort == "none" else {"effort": effort, "summary": "auto"}
    return edit(body, {"reasoning": msgspec.json.encode(said)})
