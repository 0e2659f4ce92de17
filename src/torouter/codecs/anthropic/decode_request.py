"""A Messages request into canon: the top level and the settings.

Messages API reference and anthropic 2.12.0, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from torouter.canon.blocks import Carried, Fate
from torouter.canon.reasoning import Depth, Reasoning
from torouter.canon.request import ChatRequest, OutputFormat, Settings
from torouter.codecs.anthropic.decode_messages import decode_messages
from torouter.codecs.anthropic.decode_tools import decode_tool_choice, decode_tools
from torouter.codecs.fields import BOOL, FLOAT, INT, STR, STRS, Fields, meaning, read_body
from torouter.errors import RequestError

__all__ = ["decode_request"]

_KEPT_THERE: Final = "it names state that Anthropic keeps"
_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "cache_control": ("hint", "a cache hint changes the price only"),
    "speed": ("report", "it asks for a faster tier of the same model"),
    "compaction": ("report", "the upstream answers with an error where the conversation is too long"),
    "diagnostics": ("report", "it asks Anthropic to report on its own processing"),
    "inference_geo": ("refuse", "it promises where data are processed, which nobody else can keep"),
    "container": ("refuse", _KEPT_THERE),
    "mcp_servers": ("refuse", "remote MCP servers are called by Anthropic's own servers"),
    "fallbacks": ("refuse", "it names models of Anthropic's"),
    "thread": ("refuse", _KEPT_THERE),
}
_DISPLAYS: Final = frozenset({"summarized", "omitted"})
_EFFORTS: Final[Mapping[str, Depth]] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}


def decode_request(body: bytes, *, is_count: bool = False) -> ChatRequest:
    """Raises `RequestError` with the path of the field at fault. Only a count may leave the limit out."""
    top = read_body(body)
    config = top.object("output_config")
    thinking = top.object("thinking")
    reasoning, reasoning_path = _reasoning(thinking, config)
    choice, parallel = decode_tool_choice(top)
    return ChatRequest(
        dialect="anthropic",
        model=top.get("model", STR),
        stream=top.take("stream", BOOL),
        ask_usage=True,
        messages=decode_messages(top),
        tools=decode_tools(top),
        tool_choice=choice,
        output=None if config is None else _output(config),
        reasoning=reasoning,
        reasoning_path=reasoning_path,
        is_reasoning_visible=_is_visible(thinking),
        takes_state=thinking is not None and thinking.get("type", STR) != "disabled",
        settings=_settings(top, parallel, is_count=is_count),
        paths={
            "max_output_tokens": "max_tokens",
            "stop": "stop_sequences",
            "user": "metadata.user_id",
            "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
        },
        carried=_carried(top, config),
    )


def _settings(top: Fields, parallel: bool | UnsetType, *, is_count: bool) -> Settings:
    stop = top.take("stop_sequences", STRS)
    metadata = top.object("metadata")
    return Settings(
        max_output_tokens=UNSET if is_count and "max_tokens" not in top else _limit(top),
        temperature=top.take("temperature", FLOAT),
        top_p=top.take("top_p", FLOAT),
        top_k=top.take("top_k", INT),
        stop=tuple(stop) if isinstance(stop, list) else stop,
        service_tier=top.take("service_tier", STR),
        parallel_tool_calls=parallel,
        user=UNSET if metadata is None else metadata.take("user_id", STR),
    )


def _limit(top: Fields) -> int:
    limit = top.need("max_tokens", INT)
    if limit < 0:
        raise RequestError("`max_tokens` must not be negative", code="invalid_value", param="max_tokens")
    return limit


def _reasoning(thinking: Fields | None, config: Fields | None) -> tuple[Reasoning | None, str]:
    """`thinking` says whether and how much; an effort, where there is one, says how deep."""
    effort = None if config is None else config.get("effort", STR)
    word = None if thinking is None else thinking.need("type", STR)
    budget = None if thinking is None else thinking.get("budget_tokens", INT)
    if word == "disabled":
        return Reasoning(depth="off"), "thinking"
    if word == "enabled" and budget is not None:
        return Reasoning(budget_tokens=budget), "thinking.budget_tokens"
    if effort is not None:
        return Reasoning(depth=meaning(effort, _EFFORTS, "output_config.effort")), "output_config.effort"
    return (None, "") if word is None else (Reasoning(), "thinking")


def _is_visible(thinking: Fields | None) -> bool:
    """Absent means off for this caller, whatever the upstream's model does by itself."""
    return (
        thinking is not None and thinking.get("type", STR) != "disabled" and thinking.get("display", STR) != "omitted"
    )


def _output(config: Fields) -> OutputFormat | None:
    said = config.object("format")
    if said is None:
        return None
    word = said.need("type", STR)
    if word != "json_schema":
        raise RequestError(f"`{said.path}.type` is `{word}`, which is unknown", param=said.path)
    return OutputFormat(
        kind="schema", path=said.path, schema=said.raw("schema"), strict=True, carried=said.rest("anthropic")
    )


def _carried(top: Fields, config: Fields | None) -> tuple[Carried, ...]:
    """Fields without a typed place. What was read above and has more than one spelling is kept for home as well."""
    kept: list[Carried] = []
    for name in ("thinking", "output_config", "metadata"):
        kept += top.carry(name, "anthropic", "typed")
    kept += top.carry("context_management", "anthropic", _context_fate(top), "it edits the context on Anthropic's side")
    kept += _within("output_config", config)
    kept += _thinking(top)
    kept += _within("metadata", top.object("metadata"), "user_id")
    return (*kept, *top.rest("anthropic", _FATES))


def _thinking(top: Fields) -> tuple[Carried, ...]:
    """What it says besides whether and how much: how it is shown, and to what it is bound."""
    said = top.object("thinking")
    shown = (
        () if said is None or said.get("display", STR) in _DISPLAYS else said.carry("display", "anthropic", "report")
    )
    why = "what is seen of reasoning is the words of it, or nothing"
    shown = tuple(msgspec.structs.replace(item, within="thinking", why=why) for item in shown)
    if said is not None and said.get("type", STR) == "between_tools":
        why = "reasoning cannot be kept to the time between calls there"
        shown += tuple(
            msgspec.structs.replace(item, within="thinking") for item in said.carry("type", "anthropic", "report", why)
        )
    return (*shown, *_within("thinking", said, "type", "budget_tokens", "display"))


def _within(name: str, said: Fields | None, *known: str) -> tuple[Carried, ...]:
    """Unknown fields of an object that home gets whole: they are only to be reported."""
    if said is None:
        return ()
    for field in known:
        said.raw(field)
    return said.rest("anthropic", within=name)


def _context_fate(top: Fields) -> Fate:
    """Clearing old thinking (coding agents ask for it in every request) saves tokens, and an upstream of another vendor
    is sent none of Claude's; any other edit changes what the model reads."""
    said = top.object("context_management")
    edits = [] if said is None else said.objects("edits")
    is_harmless = all((edit.get("type", STR) or "").startswith("clear_thinking_") for edit in edits)
    return "report" if is_harmless else "refuse"
