"""Gemini's usage object into canon's counters, and back.

`promptTokenCount` includes cached tokens and excludes those of tool use; `candidatesTokenCount` excludes thoughts, but
some relays fold them in: then prompt, candidates and tool use already make the total. Gemini API, seen 2026-11.
"""

from __future__ import annotations

from msgspec import Raw

from torouter.canon.usage import Usage
from torouter.codecs.figures import decoded, tokens

__all__ = ["read_usage", "render_usage"]


def read_usage(raw: Raw) -> Usage | None:
    """The figures, without their quality; `None` where there are none."""
    usage = decoded(raw)
    prompt, candidates = tokens(usage, "promptTokenCount"), tokens(usage, "candidatesTokenCount")
    total = tokens(usage, "totalTokenCount")
    if prompt is None and candidates is None and total is None:
        return None
    prompt, text = prompt or 0, candidates or 0
    cached = tokens(usage, "cachedContentTokenCount") or 0
    thoughts = tokens(usage, "thoughtsTokenCount") or 0
    in_tools = tokens(usage, "toolUsePromptTokenCount") or 0
    if thoughts and total is not None and total in (prompt + text, prompt + text + in_tools):
        text = max(0, text - thoughts)
    return Usage(
        input_tokens=max(0, prompt - cached),
        cache_read_tokens=cached,
        tool_input_tokens=in_tools,
        output_tokens=text,
        reasoning_tokens=thoughts,
        raw=bytes(raw),
    )


def render_usage(usage: Usage) -> dict[str, int]:
    """What Gemini's clients read. Counters that are rarely there are left out where they are 0."""
    figures = {
        "promptTokenCount": usage.total_input_tokens - usage.tool_input_tokens,
        "candidatesTokenCount": usage.output_tokens,
        "totalTokenCount": usage.total_tokens,
    }
    rare = {
        "cachedContentTokenCount": usage.cache_read_tokens,
        "thoughtsTokenCount": usage.reasoning_tokens,
        "toolUsePromptTokenCount": usage.tool_input_tokens,
    }
    return figures | {name: count for name, count in rare.items() if count}
