"""Foreign limits, sampling, labels, reasoning and output format in Responses' form, and what there is no form for."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET, Raw

from torouter.canon.depths import level_of
from torouter.canon.losses import LossLog
from torouter.canon.reasoning import Depth, ModelFacts
from torouter.canon.request import ChatRequest, OutputFormat
from torouter.codecs.figures import decoded
from torouter.codecs.json_objects import Json
from torouter.codecs.strict_schema import is_strict

__all__ = ["encode_reasoning", "encode_settings", "encode_text"]

_LEAST_TOKENS: Final = 16
"""The API refuses smaller limits (seen 2026-11)."""
_MAX_USER_CHARACTERS: Final = 128
_TIERS: Final = {"standard_only": "default"}
_KNOWN_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast"})
_DEFAULT_FORMAT_NAME: Final = "response"
_VERBOSITIES: Final = frozenset({"low", "medium", "high"})


def encode_settings(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Json:
    _settle(request, log)
    return {
        **_limit(request, facts, log),
        **_sampling(request, facts, log),
        **_logprobs(request),
        **_labels(request, log),
    }


def _limit(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Json:
    given, path = request.settings.max_output_tokens, request.path_of("max_output_tokens")
    if not isinstance(given, int):
        return {}
    if given == 0:
        raise log.refusal(path, "a limit of 0 tokens (to warm a cache) is unknown there", "set at least 1")
    if given < _LEAST_TOKENS:
        log.report(path, "approximated", f"the least limit there is {_LEAST_TOKENS} tokens")
        given = _LEAST_TOKENS
    if facts.max_output_tokens is not None and given > facts.max_output_tokens:
        log.report(path, "approximated", f"the model gives at most {facts.max_output_tokens} tokens")
        given = facts.max_output_tokens
    return {"max_output_tokens": given}


def _sampling(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Json:
    settings = request.settings
    given = {
        name: value
        for name, value in (("temperature", settings.temperature), ("top_p", settings.top_p))
        if isinstance(value, int | float)
    }
    if facts.takes_sampling:
        return dict(given)
    for name, value in given.items():
        if value != 1:
            log.report(request.path_of(name), "dropped", "the model takes no sampling parameters")
    return {}


def _logprobs(request: ChatRequest) -> Json:
    """How many alternatives; that there are to be any stands in `include`."""
    top = request.settings.top_logprobs
    return {"top_logprobs": top} if isinstance(top, int) and request.settings.wants_logprobs else {}


def _labels(request: ChatRequest, log: LossLog) -> Json:
    written: Json = {}
    settings = request.settings
    for name, value in (("user", settings.user), ("safety_identifier", settings.safety_identifier)):
        if not isinstance(value, str) or not value:
            continue
        if len(value) <= _MAX_USER_CHARACTERS:
            written[name] = value
        else:
            log.report(request.path_of(name), "dropped", f"ids of users have at most {_MAX_USER_CHARACTERS} characters")
    tier = settings.service_tier
    if isinstance(tier, str):
        word = _TIERS.get(tier, tier)
        if word in _KNOWN_TIERS:
            written["service_tier"] = word
        else:
            log.report("service_tier", "dropped", f"there is no tier `{tier}`")
    if isinstance(settings.metadata, bytes) and decoded(settings.metadata):
        written["metadata"] = Raw(settings.metadata)
    return written


def _settle(request: ChatRequest, log: LossLog) -> None:
    """Settings that the API does not have. What changes the kind of the answer is refused."""
    settings = request.settings
    if isinstance(settings.candidates, int) and settings.candidates != 1:
        raise log.refusal(
            request.path_of("candidates"), "it gives one answer for a request", "ask once for each answer"
        )
    if isinstance(settings.logit_bias, bytes) and decoded(settings.logit_bias):
        raise log.refusal(request.path_of("logit_bias"), "it takes no bias", "leave it out")
    for name, value in (
        ("top_k", settings.top_k),
        ("presence_penalty", settings.presence_penalty or UNSET),
        ("frequency_penalty", settings.frequency_penalty or UNSET),
        ("seed", settings.seed),
    ):
        if value is not UNSET and value is not None:
            log.report(request.path_of(name), "dropped", f"there is no `{name}`")
    if settings.store:
        log.report(request.path_of("store"), "dropped", "answers are not stored")


def encode_reasoning(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Json:
    """`auto` is no effort: the model's own. No reasoning is shown unless its summary is asked for."""
    said, path = request.reasoning, request.reasoning_path
    if said is None:
        return {}
    depth: Depth = said.depth if said.budget_tokens is None else level_of(said.budget_tokens)
    if facts.reasoning == "none":
        if depth != "off":
            log.report(path, "dropped", "the model does not reason")
        return {}
    if depth == "off" and not facts.may_disable_reasoning:
        log.report(path, "approximated", "the model always reasons; it was asked to reason little")
        depth = "minimal"
    if depth == "off":
        return {"reasoning": {"effort": "none"}}
    effort: Json = {} if depth == "auto" else {"effort": depth}
    summary: Json = {} if request.is_reasoning_visible is False else {"summary": "auto"}
    return {"reasoning": {**effort, **summary}} if effort or summary else {}


def encode_text(request: ChatRequest, log: LossLog) -> Json:
    """`text`: the format and the verbosity, or nothing."""
    text = {} if request.output is None else _format(request.output, log)
    verbosity = request.settings.verbosity
    if isinstance(verbosity, str):
        if verbosity in _VERBOSITIES:
            text["verbosity"] = verbosity
        else:
            log.report(request.path_of("verbosity"), "dropped", f"there is no verbosity `{verbosity}`")
    return {"text": text} if text else {}


def _format(output: OutputFormat, log: LossLog) -> Json:
    if output.kind == "text":
        return {}
    if output.kind == "json":
        return {"format": {"type": "json_object"}}
    if output.schema is None:
        raise log.refusal(output.path, "the schema is missing", "give the schema")
    schema: Json = {
        "type": "json_schema",
        "name": output.name or _DEFAULT_FORMAT_NAME,
        "schema": Raw(output.schema),
    }
    if output.description:
        schema["description"] = output.description
    is_kept = bool(output.strict) and is_strict(output.schema)
    if output.strict and not is_kept:
        log.report(output.path, "approximated", "a guarantee needs closed objects with all properties required there")
    schema["strict"] = is_kept
    return {"format": schema}
