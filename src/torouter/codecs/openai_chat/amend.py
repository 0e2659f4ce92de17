"""Amendments to an OpenAI chat body, and to those of the other operations of this dialect (their model only)."""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.canon.capsule import is_marked
from torouter.canon.losses import Loss
from torouter.canon.reasoning import ModelFacts, Reasoning
from torouter.codecs.codec import Amended, Edits
from torouter.codecs.figures import is_given
from torouter.codecs.multipart import form_boundary, replace_field
from torouter.codecs.openai_chat.peek import FORM_OPERATIONS
from torouter.codecs.openai_chat.withdraw import without_capsules
from torouter.codecs.splice import edit, replace_model, values_of
from torouter.codecs.surrogates import lenient_decoder
from torouter.codecs.thinking import effort_of, gives_any, level_of, refuse_without_variant
from torouter.units import Operation

__all__ = ["amend"]

_EXPLICIT: Final = ("reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget", "think")
_TEMPLATE_EXPLICIT: Final = ("enable_thinking", "thinking")


class _StreamWish(msgspec.Struct):
    stream: bool | None = None
    stream_options: msgspec.Raw = msgspec.Raw()


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


_read_wish = lenient_decoder(_StreamWish)
_read_options = lenient_decoder(_StreamOptions)
_write = msgspec.json.encode


def amend(operation: Operation, body: bytes, content_type: bytes, edits: Edits) -> Amended:
    """Raises `RequestError` where a `-thinking` name meets a model that cannot be told to think."""
    if operation in FORM_OPERATIONS and (boundary := form_boundary(content_type)) is not None:
        return Amended(body=_with_model_field(body, boundary, edits))
    is_usage_ours = False
    losses: tuple[Loss, ...] = ()
    if operation == "chat":
        if is_marked(body):
            body, losses = without_capsules(body)
        if edits.reasoning is not None:
            body = _with_reasoning(body, edits.reasoning, edits.facts)
        if edits.ask_usage:
            body, is_usage_ours = _asking_usage(body)
    elif edits.reasoning is not None:
        refuse_without_variant(ModelFacts())
    if edits.model is not None:
        body = replace_model(body, _write(edits.model))
    return Amended(body=body, is_usage_ours=is_usage_ours, losses=losses)


def _with_model_field(body: bytes, boundary: bytes, edits: Edits) -> bytes:
    if edits.reasoning is not None:
        refuse_without_variant(ModelFacts())
    if edits.model is None:
        return body
    return replace_field(body, boundary, b"model", edits.model.encode("utf-8"))


def _asking_usage(body: bytes) -> tuple[bytes, bool]:
    """A stream asked to report its usage. An explicit `false` of the client is its wish for what it sees, not ours for
    what we count: then the chunk is ours too."""
    try:
        wish = _read_wish(body)
    except (msgspec.DecodeError, RecursionError):
        return body, False  # a `stream` of another type was refused by the peek
    if wish.stream is not True:
        return body, False
    options = bytes(wish.stream_options)
    if not is_given(wish.stream_options):
        return edit(body, {"stream_options": b'{"include_usage":true}'}), True
    try:
        if _read_options(options).include_usage:
            return body, False
    except msgspec.ValidationError:
        return body, False  # not what the API takes: its own refusal is the best answer
    return edit(body, {"stream_options": edit(options, {"include_usage": b"true"})}), True


def _with_reasoning(body: bytes, reasoning: Reasoning, facts: ModelFacts) -> bytes:
    values = values_of(body)
    if gives_any(values, *_EXPLICIT) or _template_says(values.get("chat_template_kwargs", b"")):
        return body
    refuse_without_variant(facts)
    match facts.reasoning:
        case "openrouter":
            return edit(body, {"reasoning": _write(_openrouter(reasoning))})
        case "flag":
            is_off = level_of(reasoning) == "off"
            return edit(body, {"thinking": b'{"type":"disabled"}' if is_off else b'{"type":"enabled"}'})
        case _:
            # The portable word of this dialect; Google's compatible endpoint maps it to budgets and levels itself.
            return edit(body, {"reasoning_effort": _write(effort_of(reasoning, facts))})


def _openrouter(reasoning: Reasoning) -> dict[str, str | int | bool]:
    """OpenRouter, reasoning tokens, seen 2026-11: `enabled`, or `effort` up to `xhigh`, or `max_tokens`."""
    level = level_of(reasoning)
    if level == "off":
        return {"effort": "none"}
    if reasoning.budget_tokens is not None and reasoning.budget_tokens > 0:
        return {"max_tokens": reasoning.budget_tokens}
    if level == "auto":
        return {"enabled": True}
    return {"effort": "xhigh" if level == "max" else level}


def _template_says(arguments: bytes) -> bool:
    """vLLM and SGLang take the switch as an argument of the chat template."""
    return arguments.startswith(b"{") and gives_any(values_of(arguments), *_TEMPLATE_EXPLICIT)
