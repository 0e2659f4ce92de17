"""Foreign limits, sampling, stop sequences, depth of reasoning and labels in Gemini's form."""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.canon.depths import level_of
from torouter.canon.losses import LossLog
from torouter.canon.reasoning import ModelFacts, Reasoning
from torouter.canon.request import ChatRequest
from torouter.codecs.gemini.thinking_config import ThinkingConfig, thinking_config
from torouter.codecs.json_objects import Json

__all__ = ["encode_settings", "encode_thinking", "encode_tier", "settle_settings"]

_MAX_STOPS: Final = 5
_MAX_TEMPERATURE: Final = 2
_INT32: Final = range(-(2**31), 2**31)
_TIERS: Final = {"default": "standard", "standard_only": "standard", "flex": "flex", "priority": "priority"}
_SAID_LEVELS: Final = {"LOW": "low", "MEDIUM": "medium", "HIGH": "high"}


def encode_settings(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Json:
    """Fields of `generationConfig`."""
    return {
        **_limit(request, facts, log),
        **_sampling(request, log),
        **_stop(request, log),
        **_logprobs(request, log),
    }


def _limit(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Json:
    given, path = request.settings.max_output_tokens, request.path_of("max_output_tokens")
    if not isinstance(given, int):
        return {}
    if given == 0:
        raise log.refusal(path, "a limit of 0 tokens is unknown there", "set at least 1")
    if facts.max_output_tokens is not None and given > facts.max_output_tokens:
        log.report(path, "approximated", f"the model gives at most {facts.max_output_tokens} tokens")
        given = facts.max_output_tokens
    return {"maxOutputTokens": given}


def _sampling(request: ChatRequest, log: LossLog) -> Json:
    settings = request.settings
    written: Json = {}
    if isinstance(settings.temperature, int | float):
        if settings.temperature > _MAX_TEMPERATURE:
            log.report(request.path_of("temperature"), "approximated", f"temperatures go up to {_MAX_TEMPERATURE}")
        written["temperature"] = min(settings.temperature, _MAX_TEMPERATURE)
    for name, value in (
        ("topP", settings.top_p),
        ("topK", settings.top_k),
        ("presencePenalty", settings.presence_penalty),
        ("frequencyPenalty", settings.frequency_penalty),
    ):
        if isinstance(value, int | float) and not (value == 0 and name.endswith("Penalty")):
            written[name] = value
    if isinstance(settings.seed, int):
        if settings.seed in _INT32:
            written["seed"] = settings.seed
        else:
            log.report(request.path_of("seed"), "dropped", "seeds have 32 bits there")
    return written


def _stop(request: ChatRequest, log: LossLog) -> Json:
    sequences = request.settings.stop
    if not isinstance(sequences, tuple) or not sequences:
        return {}
    if len(sequences) > _MAX_STOPS:
        raise log.refusal(request.path_of("stop"), f"it takes at most {_MAX_STOPS} stop sequences", "send fewer")
    return {"stopSequences": list(sequences)}


def _logprobs(request: ChatRequest, log: LossLog) -> Json:
    settings = request.settings
    if not settings.wants_logprobs:
        return {}
    path = request.path_of("logprobs" if settings.logprobs else "top_logprobs")
    log.report(path, "approximated", "tokens have no bytes there: those of the answer are made from their text")
    top = settings.top_logprobs
    return {"responseLogprobs": True, "logprobs": top} if isinstance(top, int) else {"responseLogprobs": True}


def encode_thinking(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Json:
    """`thinkingConfig` within `generationConfig`, or nothing."""
    said, path = request.reasoning, request.reasoning_path
    if said is None:
        return {}
    if facts.reasoning not in ("budget", "level"):
        if said.depth != "off" and said.budget_tokens != 0:
            log.report(path, "dropped", "the model does not reason")
        return {}
    config = thinking_config(said, facts)
    _report_nearest(said, config, facts, path, log)
    if "includeThoughts" in config and request.is_reasoning_visible is False:
        del config["includeThoughts"]
    return {"thinkingConfig": config} if config else {}


def _report_nearest(said: Reasoning, config: ThinkingConfig, facts: ModelFacts, path: str, log: LossLog) -> None:
    """A level that the caller named and did not get, or a budget that the model's own limits cut."""
    budget, level = config.get("thinkingBudget"), config.get("thinkingLevel")
    if said.depth == "off" or said.budget_tokens == 0:
        if budget != 0:
            log.report(path, "approximated", "the model always reasons; it was asked to reason little")
    elif said.budget_tokens is not None:
        if isinstance(budget, int) and said.budget_tokens > 0 and budget != said.budget_tokens:
            log.report(path, "approximated", f"the model's budget was set to {budget} tokens")
    elif said.depth != "auto":
        got = level_of(budget) if isinstance(budget, int) else _SAID_LEVELS.get(str(level))
        if got != said.depth:
            log.report(path, "approximated", f"the model reasons at most or at least as `{got}` does")


def encode_tier(request: ChatRequest, log: LossLog) -> Json:
    tier = request.settings.service_tier
    if not isinstance(tier, str) or tier == "auto":
        return {}
    if tier in _TIERS:
        return {"serviceTier": _TIERS[tier]}
    log.report(request.path_of("service_tier"), "dropped", f"there is no tier `{tier}`")
    return {}


def settle_settings(request: ChatRequest, log: LossLog) -> None:
    """Settings that Gemini does not have. What changes the kind of the answer is refused."""
    settings = request.settings
    if isinstance(settings.candidates, int) and settings.candidates != 1:
        raise log.refusal(
            request.path_of("candidates"), "one request gets one answer through this road", "ask once for each answer"
        )
    if isinstance(settings.logit_bias, bytes) and msgspec.json.decode(settings.logit_bias) not in ({}, None):
        raise log.refusal(request.path_of("logit_bias"), "its tokens are others, and it takes no bias", "leave it out")
    if isinstance(settings.verbosity, str) and settings.verbosity != "medium":
        log.report(request.path_of("verbosity"), "dropped", "there is no verbosity")
    if settings.store:
        log.report(request.path_of("store"), "dropped", "answers are not stored")
    if isinstance(settings.metadata, bytes) and settings.metadata != b"{}":
        log.report(request.path_of("metadata"), "dropped", "there are no labels")
    for name, user in (("safety_identifier", settings.safety_identifier), ("user", settings.user)):
        if isinstance(user, str) and user:
            log.report(request.path_of(name), "dropped", "there is no id for the user")
