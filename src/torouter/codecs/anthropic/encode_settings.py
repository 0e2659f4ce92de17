"""Foreign limits, sampling, stop sequences, output formats and labels in the Messages API's form."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, UnsetType

from torouter.canon.losses import LossLog
from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest
from torouter.codecs.anthropic.encode_thinking import Limit, Thinking
from torouter.codecs.anthropic.schema import output_schema
from torouter.codecs.json_objects import Json

__all__ = ["encode_format", "encode_labels", "encode_limit", "encode_sampling", "settle_settings", "split_stops"]

_UNKNOWN_LIMIT_TOKENS: Final = 8192
_LOWEST_TOP_P: Final = 0.95
_TIERS: Final = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
_Given = float | int | None | UnsetType


def encode_limit(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Limit:
    """The API needs a limit. Where the caller gave none it is the model's maximum: a small one would cut agents off."""
    given, path = request.settings.max_output_tokens, request.path_of("max_output_tokens")
    ceiling = facts.max_output_tokens
    if not isinstance(given, int):
        if ceiling is None:
            log.report(
                path, "added", f"the API needs a limit and the model's is unknown; {_UNKNOWN_LIMIT_TOKENS} was set"
            )
        return Limit(ceiling or _UNKNOWN_LIMIT_TOKENS, is_explicit=False)
    if given == 0:
        raise log.refusal(path, "a limit of 0 tokens means something else there", "leave it out, or set at least 1")
    if ceiling is not None and given > ceiling:
        log.report(path, "approximated", f"the model gives at most {ceiling} tokens")
        return Limit(ceiling, is_explicit=True)
    return Limit(given, is_explicit=True)


def encode_sampling(request: ChatRequest, facts: ModelFacts, thinking: Thinking, log: LossLog) -> Json:
    """A value that is the default anyway is dropped without a word where sampling is not taken."""
    settings, path_of = request.settings, request.path_of
    temperature, top_p, top_k = settings.temperature, settings.top_p, settings.top_k
    if not facts.takes_sampling:
        for name, value, default in (("temperature", temperature, 1), ("top_p", top_p, 1), ("top_k", top_k, None)):
            _drop(path_of(name), value, default, "the model takes no sampling parameters", log)
        return {}
    if thinking.is_on:
        _drop(path_of("temperature"), temperature, 1, "a model that reasons takes no temperature", log)
        _drop(path_of("top_k"), top_k, None, "a model that reasons takes no top_k", log)
        is_narrow = isinstance(top_p, int | float) and top_p < _LOWEST_TOP_P
        _drop(
            path_of("top_p"), top_p if is_narrow else None, None, "a model that reasons takes top_p from 0.95 only", log
        )
        return {"top_p": top_p} if isinstance(top_p, int | float) and not is_narrow and top_p != 1 else {}
    written: Json = {}
    if isinstance(temperature, int | float):
        if temperature > 1:
            log.report(path_of("temperature"), "approximated", "temperatures go up to 1 there")
        written["temperature"] = min(temperature, 1)
    if isinstance(top_p, int | float):
        if "temperature" in written:
            _drop(path_of("top_p"), top_p, 1, "temperature and top_p are not taken together", log)
        else:
            written["top_p"] = top_p
    if isinstance(top_k, int):
        written["top_k"] = top_k
    return written


def _drop(name: str, value: _Given, default: float | None, reason: str, log: LossLog) -> None:
    if isinstance(value, int | float) and value != default:
        log.report(name, "dropped", reason)


def split_stops(request: ChatRequest) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Stop sequences that the API takes, and those that it does not: of nothing but whitespace."""
    given = request.settings.stop or ()
    return tuple(each for each in given if each.strip()), tuple(each for each in given if not each.strip())


def encode_format(request: ChatRequest, log: LossLog) -> Json:
    """`output_config.format`, or nothing."""
    output = request.output
    if output is None or output.kind == "text":
        return {}
    if output.kind == "json":
        log.report(output.path, "dropped", "JSON without a schema cannot be guaranteed; the prompt still asks for it")
        return {}
    if output.schema is None:
        raise log.refusal(output.path, "the schema is missing", "give `json_schema.schema`")
    schema, changes = output_schema(output.schema)
    if changes:
        log.report(output.path, "approximated", "; ".join(changes))
    if output.strict is False:
        log.report(output.path, "approximated", "schemas are always obeyed there")
    if output.description:
        log.report(output.path, "dropped", "formats have no description there")
    return {"format": {"type": "json_schema", "schema": Raw(schema)}}


def encode_labels(request: ChatRequest, log: LossLog) -> Json:
    """Who is asking, and the service tier."""
    settings = request.settings
    written: Json = {}
    user = settings.safety_identifier or settings.user
    if isinstance(user, str) and user:
        written["metadata"] = {"user_id": user}
    tier = settings.service_tier
    if isinstance(tier, str):
        if tier in _TIERS:
            written["service_tier"] = _TIERS[tier]
        else:
            log.report(request.path_of("service_tier"), "dropped", f"there is no tier `{tier}`")
    return written


def settle_settings(request: ChatRequest, log: LossLog) -> None:
    """Settings that the API does not have. What changes the kind of the answer is refused."""
    settings = request.settings
    if isinstance(settings.candidates, int) and settings.candidates != 1:
        raise log.refusal(
            request.path_of("candidates"), "it gives one answer for a request", "ask once for each answer"
        )
    if settings.wants_logprobs:
        field = request.path_of("logprobs" if settings.logprobs else "top_logprobs")
        raise log.refusal(field, "it gives no log probabilities", "leave it out, or use a model of another upstream")
    if isinstance(settings.logit_bias, bytes) and msgspec.json.decode(settings.logit_bias) not in ({}, None):
        raise log.refusal("logit_bias", "its tokens are others, and it takes no bias", "leave it out")
    for name, value in (
        ("presence_penalty", settings.presence_penalty),
        ("frequency_penalty", settings.frequency_penalty),
    ):
        _drop(request.path_of(name), value, 0, "there are no penalties", log)
    _drop(request.path_of("seed"), settings.seed, None, "there is no seed", log)
    if isinstance(settings.verbosity, str) and settings.verbosity != "medium":
        log.report(request.path_of("verbosity"), "dropped", "there is no verbosity")
    if settings.store:
        log.report("store", "dropped", "answers are not stored")
    if isinstance(settings.metadata, bytes) and settings.metadata != b"{}":
        log.report("metadata", "dropped", "there are no labels but the user's id")
