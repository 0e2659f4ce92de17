"""Gemini's usage object into canon's counters, and back.

`promptTokenCount` includes cached tokens and excludes those of tool use; `candidatesTokenCount` excludes thoughts, but
some relays fold them in: then prompt, candidates and tool use already make the total. What a modality weighs is told
with the cached tokens in it; a document counts as an image. Gemini API, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Raw, structs

from torouter.canon.usage import Usage
from torouter.codecs.figures import decoded, parts_within, tokens, word

__all__ = ["read_usage", "render_usage"]


_PLACES: Final[Mapping[str, int]] = {"AUDIO": 0, "IMAGE": 1, "DOCUMENT": 1}


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
    figures = Usage(
        input_tokens=max(0, prompt - cached),
        cache_read_tokens=cached,
        tool_input_tokens=in_tools,
        output_tokens=text,
        reasoning_tokens=thoughts,
        service_tier=_tier(usage),
        raw=bytes(raw),
    )
    seen = figures.raw
    has_media = b'"AUDIO"' in seen or b'"IMAGE"' in seen or b'"DOCUMENT"' in seen
    return _with_media(figures, usage) if has_media else figures


def _with_media(figures: Usage, usage: object) -> Usage:
    prompt, cached = _by_modality(usage, "promptTokensDetails"), _by_modality(usage, "cacheTokensDetails")
    answer = _by_modality(usage, "candidatesTokensDetails")
    cached_audio = min(cached[0], figures.cache_read_tokens)
    audio, image = max(0, prompt[0] - cached_audio), max(0, prompt[1] - cached[1])
    audio_in, image_in = parts_within(figures.input_tokens, audio, image)
    audio_out, image_out = parts_within(figures.output_tokens, *answer)
    return structs.replace(
        figures,
        audio_input_tokens=audio_in,
        image_input_tokens=image_in,
        audio_cache_read_tokens=cached_audio,
        audio_output_tokens=audio_out,
        image_output_tokens=image_out,
    )


def _by_modality(usage: object, name: str) -> tuple[int, int]:
    """Audio, and images with documents."""
    listed = usage.get(name) if isinstance(usage, dict) else None
    counts = [0, 0]
    for row in listed if isinstance(listed, list) else ():
        modality = row.get("modality") if isinstance(row, dict) else None
        place = _PLACES.get(modality) if isinstance(modality, str) else None
        if place is not None:
            counts[place] += tokens(row, "tokenCount") or 0
    return counts[0], counts[1]


def _tier(usage: object) -> str:
    """As it was recorded in the usage objects of 2026."""
    return word(usage.get("serviceTier")).lower() if isinstance(usage, dict) else ""


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
