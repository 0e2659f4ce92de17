"""Amendments to a Gemini body: thinking from a `-thinking` name, and the model where a body repeats that of its path.

Clients write camelCase, snake_case, or both in one body (google-genai does); what is there keeps its spelling.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from torouter.canon.capsule import is_marked
from torouter.canon.losses import Loss
from torouter.canon.reasoning import ModelFacts, Reasoning
from torouter.codecs.codec import Amended, Edits
from torouter.codecs.figures import decoded
from torouter.codecs.gemini.thinking_config import thinking_config
from torouter.codecs.gemini.withdraw import without_capsules
from torouter.codecs.splice import edit, elements, values_of
from torouter.codecs.thinking import gives_any, refuse_without_variant
from torouter.units import Operation

__all__ = ["amend"]

_MODEL_KEY: Final = re.compile(rb'"model"[ \t\r\n]*:')


def amend(operation: Operation, body: bytes, content_type: bytes, edits: Edits) -> Amended:
    """Raises `RequestError` where a `-thinking` name meets a model that cannot be told to think."""
    losses: tuple[Loss, ...] = ()
    if is_marked(body):
        body, losses = without_capsules(body, needs_signatures=edits.facts.reasoning == "level")
    if edits.reasoning is not None and operation == "chat":
        body = _with_thinking(body, edits.reasoning, edits.facts)
    if edits.model is not None and _MODEL_KEY.search(body):
        body = _with_model(body, edits.model if "/" in edits.model else f"models/{edits.model}")
    return Amended(body=body, losses=losses)


def _with_thinking(body: bytes, reasoning: Reasoning, facts: ModelFacts) -> bytes:
    values = values_of(body)
    name = "generation_config" if "generation_config" in values else "generationConfig"
    config = values.get(name, b"null")
    if config == b"null":
        config = b"{}"
    if not config.startswith(b"{"):
        return body  # not what the API takes: its own refusal is the best answer
    if gives_any(values_of(config), "thinkingConfig", "thinking_config"):
        return body
    refuse_without_variant(facts)
    said = thinking_config(reasoning, facts)
    return edit(body, {name: edit(config, {"thinkingConfig": msgspec.json.encode(said)})})


def _with_model(body: bytes, resource: str) -> bytes:
    """Embedding batches and counts repeat the model within the body, and the API refuses another than the path's."""
    values = values_of(body)
    changes: dict[str, bytes | None] = {}
    if isinstance(decoded(values.get("model", b"null")), str):
        changes["model"] = msgspec.json.encode(resource)
    for name in ("generateContentRequest", "generate_content_request"):
        inner = values.get(name, b"")
        if inner.startswith(b"{"):
            changes[name] = _with_model(inner, resource)
    requests = values.get("requests", b"")
    if requests.startswith(b"["):
        changes["requests"] = _with_models(requests, resource)
    return edit(body, changes)


def _with_models(requests: bytes, resource: str) -> bytes:
    pieces: list[bytes] = []
    done = 0
    for start, end in elements(requests):
        element = requests[start:end]
        pieces += (requests[done:start], _with_model(element, resource) if element.startswith(b"{") else element)
        done = end
    pieces.append(requests[done:])
    return b"".join(pieces)
