"""A `generateContent` request into canon: the top level and the settings.

The model and the streaming are in the request's path, so a decoded body knows neither. Gemini API reference and
google-genai 3.4.0, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from torouter.canon.blocks import Carried, Fate
from torouter.canon.reasoning import Depth, Reasoning
from torouter.canon.request import ChatRequest, OutputFormat, Settings
from torouter.canon.valued import object_schema
from torouter.codecs.fields import BOOL, FLOAT, INT, STR, STRS, meaning, read_body
from torouter.codecs.gemini.decode_messages import decode_messages
from torouter.codecs.gemini.decode_tools import decode_tool_choice, decode_tools
from torouter.codecs.gemini.schema import from_openapi
from torouter.codecs.gemini.spelling import CamelFields
from torouter.errors import RequestError

__all__ = ["decode_request"]

_CONFIG: Final = "generationConfig"
_ENUM: Final = "text/x.enum"
_TYPED: Final = ("tools", "toolConfig", _CONFIG, "serviceTier")
"""Read into typed fields; kept raw for home as well, where grouping and spelling are the caller's own."""
_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "model": ("hint", "the path names it"),
    "cachedContent": ("refuse", "it names content that Google keeps"),
    "safetySettings": ("report", "there are no thresholds of safety filters"),
    "labels": ("report", "there are no labels"),
    "continuationToken": ("refuse", "it names an answer that Google keeps"),
    "modelArmorConfig": ("refuse", "it asks for a filter that Google's own servers run"),
}
_NO_OTHER_MEDIA: Final = "only text can be asked of it"
_NO_IDS: Final = "tokens have no ids there"
_CONFIG_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "mediaResolution": ("report", "the resolution of media is not set for a whole request there"),
    "speechConfig": ("refuse", _NO_OTHER_MEDIA),
    "responseFormat": ("refuse", "use `responseMimeType` with `responseJsonSchema`"),
    "audioTranscriptionConfig": ("refuse", _NO_OTHER_MEDIA),
    "audioTimestamp": ("report", "audio has no timestamps there"),
    "routingConfig": ("refuse", "it chooses among Google's models"),
    "modelSelectionConfig": ("refuse", "it chooses among Google's models"),
    "translationConfig": ("refuse", "translation of speech is Google's own"),
}
_LEVELS: Final[Mapping[str, Depth | None]] = {
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "XHIGH": "xhigh",
    "THINKING_LEVEL_UNSPECIFIED": None,
}
_TIERS: Final = {"standard": "default", "flex": "flex", "priority": "priority"}
_PATHS: Final = {
    "max_output_tokens": f"{_CONFIG}.maxOutputTokens",
    "temperature": f"{_CONFIG}.temperature",
    "top_p": f"{_CONFIG}.topP",
    "top_k": f"{_CONFIG}.topK",
    "presence_penalty": f"{_CONFIG}.presencePenalty",
    "frequency_penalty": f"{_CONFIG}.frequencyPenalty",
    "seed": f"{_CONFIG}.seed",
    "candidates": f"{_CONFIG}.candidateCount",
    "logprobs": f"{_CONFIG}.responseLogprobs",
    "top_logprobs": f"{_CONFIG}.logprobs",
    "stop": f"{_CONFIG}.stopSequences",
    "service_tier": "serviceTier",
    "tool_choice": "toolConfig.functionCallingConfig",
    "messages": "contents",
}


def decode_request(body: bytes) -> ChatRequest:
    """Raises `RequestError` with the path of the field at fault."""
    read_body(body)
    top = CamelFields(body, "")
    config = top.object(_CONFIG) or CamelFields(b"{}", _CONFIG)
    thinking = config.object("thinkingConfig")
    reasoning, reasoning_path = (None, "") if thinking is None else _reasoning(thinking)
    choice, is_validated, chosen = decode_tool_choice(top)
    return ChatRequest(
        dialect="gemini",
        ask_usage=True,
        messages=decode_messages(top),
        tools=decode_tools(top, is_validated=is_validated),
        tool_choice=choice,
        output=_output(config),
        reasoning=reasoning,
        reasoning_path=reasoning_path,
        is_reasoning_visible=bool(thinking and thinking.get("includeThoughts", BOOL)),
        settings=_settings(top, config),
        paths=_paths(top, config),
        carried=(*_carried(top, config, thinking), *chosen),
    )


def _paths(top: CamelFields, config: CamelFields) -> dict[str, str]:
    """The caller's own names, in its own spelling."""
    return {
        name: config.at(path.partition(".")[2]) if path.startswith(_CONFIG) else path for name, path in _PATHS.items()
    } | {"service_tier": top.at("serviceTier"), "tool_choice": _choice_path(top)}


def _choice_path(top: CamelFields) -> str:
    said = top.object("toolConfig")
    return "toolConfig" if said is None else said.at("functionCallingConfig")


def _settings(top: CamelFields, config: CamelFields) -> Settings:
    stop = config.take("stopSequences", STRS)
    tier = top.get("serviceTier", STR)
    return Settings(
        max_output_tokens=_limit(config),
        temperature=config.take("temperature", FLOAT),
        top_p=config.take("topP", FLOAT),
        top_k=_top_k(config),
        presence_penalty=config.take("presencePenalty", FLOAT),
        frequency_penalty=config.take("frequencyPenalty", FLOAT),
        seed=config.take("seed", INT),
        candidates=config.take("candidateCount", INT),
        logprobs=config.take("responseLogprobs", BOOL),
        top_logprobs=config.take("logprobs", INT),
        stop=tuple(stop) if isinstance(stop, list) else stop,
        service_tier=UNSET if tier in (None, "unspecified") else _TIERS.get(str(tier).lower(), tier),
        store=top.take("store", BOOL),
    )


def _top_k(config: CamelFields) -> int | UnsetType | None:
    """google-genai's type for it is a float."""
    top_k = config.take("topK", FLOAT)
    return int(top_k) if isinstance(top_k, float) else top_k


def _limit(config: CamelFields) -> int | UnsetType | None:
    limit = config.take("maxOutputTokens", INT)
    if isinstance(limit, int) and limit < 0:
        path = config.at("maxOutputTokens")
        raise RequestError(f"`{path}` must not be negative", code="invalid_value", param=path)
    return limit


def _reasoning(said: CamelFields) -> tuple[Reasoning | None, str]:
    """A level or a budget. Thoughts that are only to be shown are of the model's own depth."""
    word, budget = said.get("thinkingLevel", STR), said.get("thinkingBudget", INT)
    if word is not None and budget is not None:
        path = said.at("thinkingLevel")
        raise RequestError(
            f"`{path}` and `thinkingBudget` exclude each other: send one of them", code="invalid_value", param=path
        )
    if budget is not None:
        return Reasoning(budget_tokens=budget), said.at("thinkingBudget")
    depth = None if word is None else meaning(word.upper(), _LEVELS, said.at("thinkingLevel"))
    if depth is not None:
        return Reasoning(depth=depth), said.at("thinkingLevel")
    return (Reasoning(), said.path) if said.get("includeThoughts", BOOL) else (None, "")


def _output(config: CamelFields) -> OutputFormat | None:
    media_type = config.get("responseMimeType", STR) or "text/plain"
    for name in ("responseJsonSchema", "responseSchema"):
        schema = config.raw(name)
        if schema is not None:
            plain = schema if name == "responseJsonSchema" else from_openapi(schema)
            return _schema(plain, config.at(name), media_type)
    path = config.at("responseMimeType")
    if media_type == _ENUM:
        raise RequestError(
            f"`{path}` is `{_ENUM}`, whose words stand in `responseSchema`: give one", code="invalid_value", param=path
        )
    return OutputFormat(kind="json", path=path) if media_type == "application/json" else None


def _schema(schema: bytes, path: str, media_type: str) -> OutputFormat:
    """A root that is no object is wrapped, for everybody else."""
    try:
        wrapped = object_schema(schema)
    except RecursionError:
        raise RequestError("a schema in the request is nested too deeply", param=path) from None
    if media_type == _ENUM and wrapped is None:
        message = f"`{path}` must be of strings with an `enum`: an answer of `{_ENUM}` is one of its words"
        raise RequestError(message, code="invalid_value", param=path)
    wrapping: Literal["json", "word"] | None = None if wrapped is None else "word" if media_type == _ENUM else "json"
    return OutputFormat(kind="schema", path=path, schema=wrapped or schema, strict=True, wrapping=wrapping)


def _carried(top: CamelFields, config: CamelFields, thinking: CamelFields | None) -> tuple[Carried, ...]:
    return (
        *top.keep(*_TYPED),
        *_store(top),
        *_unlike(config),
        *_logprobs(config),
        *config.rest("gemini", _CONFIG_FATES, within=config.path),
        *(() if thinking is None else thinking.rest("gemini", within=thinking.path)),
        *top.rest("gemini", _FATES),
    )


def _store(top: CamelFields) -> tuple[Carried, ...]:
    fate: Fate = "report" if top.get("store", BOOL) else "hint"
    return top.carry("store", "gemini", fate, "nothing is stored there")


def _logprobs(config: CamelFields) -> tuple[Carried, ...]:
    fate: Fate = "report" if config.get("responseLogprobs", BOOL) else "typed"
    said = config.carry("responseLogprobs", "gemini", fate, _NO_IDS)
    return _within(config, (*said, *config.carry("logprobs", "gemini", "typed")))


def _within(config: CamelFields, items: Iterable[Carried]) -> tuple[Carried, ...]:
    """In the caller's own spelling."""
    return tuple(msgspec.structs.replace(item, name=config.spelled(item.name), within=config.path) for item in items)


def _unlike(config: CamelFields) -> tuple[Carried, ...]:
    """Settings that would make another kind of answer."""
    media_type = config.get("responseMimeType", STR) or "text/plain"
    modalities = {word.upper() for word in config.get("responseModalities", STRS) or ()}
    candidates = config.get("candidateCount", INT)
    refused: dict[str, tuple[bool, str]] = {
        "responseMimeType": (
            media_type not in ("text/plain", "application/json", _ENUM),
            f"answers of type `{media_type}` cannot be asked for",
        ),
        "responseModalities": (bool(modalities - {"TEXT"}), _NO_OTHER_MEDIA),
        "candidateCount": (candidates not in (None, 1), "one request gets one answer"),
    }
    kept: list[Carried] = []
    for name, (is_refused, why) in refused.items():
        fate: Fate = "refuse" if is_refused else "typed"
        kept += _within(config, config.carry(name, "gemini", fate, why))
    return tuple(kept)
