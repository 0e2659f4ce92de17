"""A Chat Completions request into canon: the top level and the settings.

Chat Completions reference and openai 3.54.0, seen 2026-11. Beside OpenAI's own fields those of compatible servers are
read that clients do send: `top_k`, OpenRouter's `reasoning`, DeepSeek's `thinking`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET, UnsetType

from torouter.canon.blocks import Carried, Fate
from torouter.canon.reasoning import Depth, Reasoning
from torouter.canon.request import ChatRequest, Settings
from torouter.codecs.fields import BOOL, FLOAT, INT, STR, STRS, Fields, meaning, read_body
from torouter.codecs.openai_chat.decode_messages import decode_messages
from torouter.codecs.openai_chat.decode_tools import decode_output, decode_tool_choice, decode_tools
from torouter.codecs.openai_chat.legacy import decode_function_choice, decode_functions
from torouter.errors import RequestError

__all__ = ["decode_request"]

_CACHE_HINT: Final[tuple[Fate, str]] = ("hint", "a cache hint changes the price only")
_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "prompt_cache_key": _CACHE_HINT,
    "prompt_cache_options": _CACHE_HINT,
    "prompt_cache_retention": _CACHE_HINT,
    "prediction": ("report", "a predicted output only makes the same answer faster"),
    "audio": ("refuse", "audio output exists for OpenAI upstreams only"),
}
_OPTION_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "include_obfuscation": ("hint", "the stream's padding says nothing"),
}
_EFFORTS: Final[Mapping[str, Depth]] = {
    "none": "off",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}


def decode_request(body: bytes) -> ChatRequest:
    """Raises `RequestError` with the path of the field at fault."""
    top = read_body(body)
    limit, limit_name = _limit(top)
    options = top.object("stream_options")
    reasoning, reasoning_path = _reasoning(top)
    functions, choice = decode_functions(top), decode_tool_choice(top)
    paths = {"max_output_tokens": limit_name, "candidates": "n"}
    if functions:
        paths["parallel_tool_calls"] = "functions"
    if choice is None and (choice := decode_function_choice(top)) is not None:
        paths["tool_choice"] = "function_call"
    return ChatRequest(
        dialect="openai-chat",
        model=top.get("model", STR),
        stream=top.take("stream", BOOL),
        ask_usage=bool(options and options.get("include_usage", BOOL)),
        messages=decode_messages(top),
        tools=(*decode_tools(top), *functions),
        tool_choice=choice,
        output=decode_output(top),
        reasoning=reasoning,
        reasoning_path=reasoning_path,
        is_reasoning_visible=_is_visible(top),
        settings=_settings(top, limit, is_single=bool(functions)),
        paths=paths,
        carried=_carried(top),
    )


def _settings(top: Fields, limit: int | UnsetType | None, *, is_single: bool) -> Settings:
    """`is_single`: an answer has room for one call only."""
    parallel = top.take("parallel_tool_calls", BOOL)
    return Settings(
        max_output_tokens=limit,
        temperature=top.take("temperature", FLOAT),
        top_p=top.take("top_p", FLOAT),
        top_k=top.take("top_k", INT),
        presence_penalty=top.take("presence_penalty", FLOAT),
        frequency_penalty=top.take("frequency_penalty", FLOAT),
        seed=top.take("seed", INT),
        candidates=top.take("n", INT),
        logprobs=top.take("logprobs", BOOL),
        top_logprobs=top.take("top_logprobs", INT),
        logit_bias=top.raw("logit_bias") or UNSET,
        stop=_stop(top),
        verbosity=top.take("verbosity", STR),
        service_tier=top.take("service_tier", STR),
        parallel_tool_calls=False if is_single else parallel,
        user=top.take("user", STR),
        safety_identifier=top.take("safety_identifier", STR),
        store=top.take("store", BOOL),
        metadata=top.raw("metadata") or UNSET,
    )


def _limit(top: Fields) -> tuple[int | UnsetType | None, str]:
    """The limit and the name it came under; both names are fine if they agree."""
    new, old = top.take("max_completion_tokens", INT), top.take("max_tokens", INT)
    for name, value in (("max_completion_tokens", new), ("max_tokens", old)):
        if isinstance(value, int) and value < 0:
            raise RequestError(f"`{name}` must not be negative", code="invalid_value", param=name)
    if isinstance(new, int) and isinstance(old, int) and new != old:
        raise RequestError(
            "`max_tokens` and `max_completion_tokens` differ; send one of them",
            code="invalid_value",
            param="max_tokens",
        )
    return (new, "max_completion_tokens") if isinstance(new, int) or old is UNSET else (old, "max_tokens")


def _stop(top: Fields) -> tuple[str, ...] | UnsetType | None:
    if top.is_text("stop"):
        return (top.need("stop", STR),)
    stop = top.take("stop", STRS)
    return tuple(stop) if isinstance(stop, list) else stop


def _reasoning(top: Fields) -> tuple[Reasoning | None, str]:
    """What the caller said of thinking, and where. OpenAI's own field wins over those of compatible servers."""
    effort = top.get("reasoning_effort", STR)
    openrouter = top.object("reasoning")
    flag = top.object("thinking")
    if effort is not None:
        return Reasoning(depth=meaning(effort, _EFFORTS, "reasoning_effort")), "reasoning_effort"
    if openrouter is not None:
        return _openrouter_reasoning(openrouter), "reasoning"
    if flag is not None:
        return _flag_reasoning(flag), "thinking"
    return None, ""


def _is_visible(top: Fields) -> bool | None:
    """OpenRouter's `exclude`: the model is to reason, and the caller not to see it."""
    said = top.object("reasoning")
    return False if said is not None and said.get("exclude", BOOL) else None


def _openrouter_reasoning(said: Fields) -> Reasoning | None:
    effort, budget, is_on = said.get("effort", STR), said.get("max_tokens", INT), said.get("enabled", BOOL)
    if effort is not None:
        return Reasoning(depth=meaning(effort, _EFFORTS, said.at("effort")))
    if budget is not None:
        return Reasoning(budget_tokens=budget)
    return None if is_on is None else Reasoning(depth="auto" if is_on else "off")


def _flag_reasoning(said: Fields) -> Reasoning:
    word, budget = said.get("type", STR), said.get("budget_tokens", INT)
    if word == "disabled":
        return Reasoning(depth="off")
    return Reasoning(budget_tokens=budget)


def _carried(top: Fields) -> tuple[Carried, ...]:
    """Fields without a typed place. What was read above and has more than one spelling is kept for home as well."""
    kept = [
        *(item for name in ("reasoning_effort", "reasoning", "thinking") for item in _home(top, name)),
        *_home(top, "stream_options"),
        *_home(top, "functions"),
        *_home(top, "function_call"),
        *_within(top, "stream_options", "include_usage"),
        *_within(top, "reasoning", "effort", "max_tokens", "enabled", "exclude"),
        *_within(top, "thinking", "type", "budget_tokens"),
        *_web_search(top),
        *_modalities(top),
        *_moderation(top),
    ]
    return (*kept, *top.rest("openai-chat", _FATES))


def _home(top: Fields, name: str) -> tuple[Carried, ...]:
    return top.carry(name, "openai-chat", "typed")


def _within(top: Fields, name: str, *known: str) -> tuple[Carried, ...]:
    """Unknown fields of an object that home gets whole: they are only to be reported."""
    said = top.object(name)
    if said is None:
        return ()
    for field in known:
        said.raw(field)
    return said.rest("openai-chat", _OPTION_FATES, within=name)


def _web_search(top: Fields) -> tuple[Carried, ...]:
    """An empty object asks for it, too."""
    top.raw("web_search_options")
    return top.carry("web_search_options", "openai-chat", "refuse", "web search is run by OpenAI's own servers")


def _modalities(top: Fields) -> tuple[Carried, ...]:
    is_text_only = set(top.get("modalities", STRS) or ["text"]) == {"text"}
    fate: Fate = "hint" if is_text_only else "refuse"
    return top.carry("modalities", "openai-chat", fate, "only text can be asked of it")


def _moderation(top: Fields) -> tuple[Carried, ...]:
    said = top.object("moderation")
    fate: Fate = "refuse" if said is not None and said.raw("policy") else "report"
    return top.carry("moderation", "openai-chat", fate, "moderation is run by OpenAI's own servers")
