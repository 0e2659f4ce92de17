"""Foreign limits, sampling, stop sequences and labels in Chat Completions' form."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from torouter.canon.losses import LossLog
from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest, Settings
from torouter.codecs.json_objects import Json

__all__ = ["encode_settings"]

_MAX_STOPS: Final = 4
_MAX_USER_CHARACTERS: Final = 128
_TIERS: Final = {"standard_only": "default"}
_KNOWN_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast"})


def encode_settings(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Json:
    return {
        **_limit(request, facts, log),
        **_sampling(request, facts, log),
        **_stop(request, log),
        **_labels(request, log),
        **_logprobs(request.settings),
        **_same(request.settings),
    }


def _limit(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Json:
    given, path = request.settings.max_output_tokens, request.path_of("max_output_tokens")
    if not isinstance(given, int):
        return {}
    if given == 0:
        raise log.refusal(path, "a limit of 0 tokens (to warm a cache) is unknown there", "set at least 1")
    if facts.max_output_tokens is not None and given > facts.max_output_tokens:
        log.report(path, "approximated", f"the model gives at most {facts.max_output_tokens} tokens")
        given = facts.max_output_tokens
    return {"max_completion_tokens": given}


def _sampling(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Json:
    settings = request.settings
    if isinstance(settings.top_k, int):
        log.report(request.path_of("top_k"), "dropped", "there is no top_k")
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


def _stop(request: ChatRequest, log: LossLog) -> Json:
    sequences = request.settings.stop
    if not isinstance(sequences, tuple) or not sequences:
        return {}
    if len(sequences) > _MAX_STOPS:
        raise log.refusal(request.path_of("stop"), f"it takes at most {_MAX_STOPS} stop sequences", "send fewer")
    return {"stop": list(sequences)}


def _labels(request: ChatRequest, log: LossLog) -> Json:
    written: Json = {}
    user = request.settings.user
    if isinstance(user, str) and user:
        if len(user) <= _MAX_USER_CHARACTERS:
            written["user"] = user
        else:
            log.report(
                request.path_of("user"), "dropped", f"ids of users have at most {_MAX_USER_CHARACTERS} characters"
            )
    tier = request.settings.service_tier
    if isinstance(tier, str):
        word = _TIERS.get(tier, tier)
        if word in _KNOWN_TIERS:
            written["service_tier"] = word
        else:
            log.report(request.path_of("service_tier"), "dropped", f"there is no tier `{tier}`")
    return written


def _logprobs(settings: Settings) -> Json:
    if not settings.wants_logprobs:
        return {}
    top = settings.top_logprobs
    return {"logprobs": True, "top_logprobs": top} if isinstance(top, int) else {"logprobs": True}


def _same(settings: Settings) -> Json:
    """Settings that bear the same name and meaning here, where another dialect has them at all."""
    given = {
        "presence_penalty": settings.presence_penalty,
        "frequency_penalty": settings.frequency_penalty,
        "seed": settings.seed,
        "verbosity": settings.verbosity,
        "safety_identifier": settings.safety_identifier,
    }
    return {name: value for name, value in given.items() if value is not UNSET and value is not None}
