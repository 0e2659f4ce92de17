"""A Responses request into canon: the top level and the settings. Responses reference and openai 3.54.0, seen 2026-11.

Whatever is read here is kept raw as well, so that a request goes home as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET

from torouter.canon.blocks import Carried, Fate
from torouter.canon.reasoning import Depth, Reasoning
from torouter.canon.request import ChatRequest, OutputFormat, Settings
from torouter.codecs.fields import BOOL, FLOAT, INT, STR, STRS, Fields, meaning, read_body
from torouter.codecs.openai_responses.decode_input import decode_input
from torouter.codecs.openai_responses.decode_tools import decode_tool_choice, decode_tools, descriptions
from torouter.errors import RequestError

__all__ = ["decode_request"]

_STATE: Final = "it refers to what OpenAI's own servers keep"
_CACHE_HINT: Final[tuple[Fate, str]] = ("hint", "a cache hint changes the price only")
_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "prompt_cache_key": _CACHE_HINT,
    "prompt_cache_options": _CACHE_HINT,
    "prompt_cache_retention": _CACHE_HINT,
    "background_options": ("refuse", "an answer in the background is kept by OpenAI's own servers"),
    "previous_response_id": ("refuse", _STATE),
    "conversation": ("refuse", _STATE),
    "prompt": ("refuse", _STATE),
    "context_management": ("refuse", "OpenAI's own servers would edit the conversation"),
    "max_tool_calls": ("report", "it limits calls of tools that OpenAI's own servers run"),
    "client_metadata": ("report", "a client's words about itself are for its own vendor"),
}
_TYPED: Final = (
    *("stream", "max_output_tokens", "temperature", "top_p", "tools", "tool_choice", "parallel_tool_calls"),
    *(
        "reasoning",
        "text",
        "stream_options",
        "top_logprobs",
        "service_tier",
        "user",
        "safety_identifier",
        "instructions",
    ),
)
_OPTION_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "include_obfuscation": ("hint", "the stream's padding says nothing"),
}
_REASONING_DEFAULTS: Final[Mapping[str, bytes]] = {"mode": b'"standard"', "context": b'"auto"'}
_LOGPROBS: Final = "message.output_text.logprobs"
_SILENT_INCLUDES: Final = frozenset({"reasoning.encrypted_content"})
"""Nothing is missing without them: an answer holds its reasoning's state in any case."""
_EFFORTS: Final[Mapping[str, Depth]] = {
    "none": "off",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
_LIMITS: Final = ("max_output_tokens", "max_completion_tokens", "max_tokens")


def decode_request(body: bytes) -> ChatRequest:
    """Raises `RequestError` with the path of the field at fault."""
    top = read_body(body)
    messages, found = decode_input(top)
    choice = decode_tool_choice(top)
    text = top.object("text")
    reasoning, is_visible = _reasoning(top)
    return ChatRequest(
        dialect="openai-responses",
        model=top.get("model", STR),
        stream=top.take("stream", BOOL),
        ask_usage=True,
        may_keep=top.get("store", BOOL) is not False,
        messages=messages,
        tools=decode_tools(top, found, choice),
        tool_choice=choice,
        output=None if text is None else _format(text),
        reasoning=reasoning,
        reasoning_path="reasoning",
        is_reasoning_visible=is_visible,
        settings=_settings(top, text),
        paths={"verbosity": "text.verbosity", "logprobs": "include", "max_output_tokens": _limit_name(top)},
        carried=(*_carried(top, text), *descriptions(top, found)),
    )


def _settings(top: Fields, text: Fields | None) -> Settings:
    name = _limit_name(top)
    limit = top.take(name, INT)
    if isinstance(limit, int) and limit < 0:
        raise RequestError(f"`{name}` must not be negative", code="invalid_value", param=name)
    return Settings(
        max_output_tokens=limit,
        temperature=top.take("temperature", FLOAT),
        top_p=top.take("top_p", FLOAT),
        logprobs=True if _LOGPROBS in (top.get("include", STRS) or ()) else UNSET,
        top_logprobs=top.take("top_logprobs", INT),
        verbosity=None if text is None else text.get("verbosity", STR),
        service_tier=top.take("service_tier", STR),
        parallel_tool_calls=top.take("parallel_tool_calls", BOOL),
        user=top.take("user", STR),
        safety_identifier=top.take("safety_identifier", STR),
    )


def _limit_name(top: Fields) -> str:
    """Chat's names for the limit are taken where the caller says nothing by this dialect's own."""
    return next((name for name in _LIMITS if name in top), _LIMITS[0])


def _reasoning(top: Fields) -> tuple[Reasoning | None, bool]:
    """What the caller said of thinking, and whether it is to be seen: only where a summary is asked for."""
    said = top.object("reasoning")
    if said is None:
        return None, False
    effort = said.get("effort", STR)
    is_visible = (said.get("summary", STR) or said.get("generate_summary", STR)) is not None
    if effort is not None:
        return Reasoning(depth=meaning(effort, _EFFORTS, said.at("effort"))), is_visible
    return (Reasoning(depth="auto") if is_visible else None), is_visible


def _format(text: Fields) -> OutputFormat | None:
    said = text.object("format")
    if said is None:
        return None
    word = said.need("type", STR)
    if word in ("text", "json_object"):
        return OutputFormat(
            kind="text" if word == "text" else "json", path=said.path, carried=said.rest("openai-responses")
        )
    if word != "json_schema":
        raise RequestError(f"`{said.at('type')}` is `{word}`, which is unknown", code="invalid_value", param=said.path)
    return OutputFormat(
        kind="schema",
        path=said.path,
        name=said.get("name", STR),
        schema=said.raw("schema"),
        description=said.get("description", STR),
        strict=said.get("strict", BOOL),
        carried=said.rest("openai-responses"),
    )


def _carried(top: Fields, text: Fields | None) -> tuple[Carried, ...]:
    typed = dict.fromkeys((*_TYPED, _limit_name(top)))
    kept = [item for name in typed for item in top.carry(name, "openai-responses", "typed")]
    return (
        *kept,
        *_store(top),
        *_include(top),
        *_switch(top, "background", "an answer in the background is kept by OpenAI's own servers"),
        *_truncation(top),
        *_moderation(top),
        *(() if text is None else text.rest("openai-responses", within="text")),
        *_stream_options(top),
        *_reasoning_rest(top),
        *top.rest("openai-responses", _FATES),
    )


def _stream_options(top: Fields) -> tuple[Carried, ...]:
    said = top.object("stream_options")
    return () if said is None else said.rest("openai-responses", _OPTION_FATES, within="stream_options")


def _reasoning_rest(top: Fields) -> tuple[Carried, ...]:
    said = top.object("reasoning")
    if said is None:
        return ()
    for name in ("effort", "summary", "generate_summary"):
        said.raw(name)
    return tuple(
        msgspec.structs.replace(item, fate="hint", why="it is the default")
        if item.value == _REASONING_DEFAULTS.get(item.name)
        else item
        for item in said.rest("openai-responses", within="reasoning")
    )


def _store(top: Fields) -> tuple[Carried, ...]:
    """Nothing is stored elsewhere. That is what the answer says, and a loss where the caller asked in so many words."""
    is_asked = top.get("store", BOOL) is True
    return top.carry("store", "openai-responses", "report" if is_asked else "hint", "answers are not stored")


def _include(top: Fields) -> tuple[Carried, ...]:
    asked = set(top.get("include", STRS) or ())
    fate: Fate = "report" if asked - _SILENT_INCLUDES - {_LOGPROBS} else "typed" if _LOGPROBS in asked else "hint"
    return top.carry("include", "openai-responses", fate, "the outputs to include are OpenAI's own")


def _switch(top: Fields, name: str, why: str) -> tuple[Carried, ...]:
    return top.carry(name, "openai-responses", "refuse" if top.get(name, BOOL) else "hint", why)


def _truncation(top: Fields) -> tuple[Carried, ...]:
    is_off = top.get("truncation", STR) in (None, "disabled")
    why = "the upstream answers with an error where the conversation is too long"
    return top.carry("truncation", "openai-responses", "hint" if is_off else "report", why)


def _moderation(top: Fields) -> tuple[Carried, ...]:
    said = top.object("moderation")
    fate: Fate = "refuse" if said is not None and said.raw("policy") else "report"
    return top.carry("moderation", "openai-responses", fate, "moderation is run by OpenAI's own servers")
