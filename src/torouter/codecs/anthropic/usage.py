"""Anthropic's usage objects into canon's counters, and back.

`input_tokens` excludes cache reads and writes; `output_tokens` includes thinking. In a stream `message_delta` overrides
`message_start` field by field, since figures are cumulative; an input figure of 0 does not override a larger one (a
known server fault: envoyproxy/ai-gateway#1631). Writes of an untold lifetime are of five minutes, the default. Messages
API reference, seen 2026-11.
"""

from __future__ import annotations

from typing import Final

from msgspec import Raw

from torouter.canon.usage import Quality, Usage
from torouter.codecs.figures import decoded, is_given, tokens, word

__all__ = ["Tally", "render_usage"]

_Path = tuple[str, ...]
_INPUT: Final[tuple[_Path, ...]] = (
    ("input_tokens",),
    ("cache_read_input_tokens",),
    ("cache_creation_input_tokens",),
    ("cache_creation", "ephemeral_5m_input_tokens"),
    ("cache_creation", "ephemeral_1h_input_tokens"),
)
_OUTPUT: Final[tuple[_Path, ...]] = (
    ("output_tokens",),
    ("output_tokens_details", "thinking_tokens"),
    ("server_tool_use", "web_search_requests"),
)


class Tally:
    """The figures seen so far, by field."""

    __slots__ = ("_counts", "_raw", "_tier")

    def __init__(self) -> None:
        self._counts: dict[_Path, int] = {}
        self._raw = b""
        self._tier = ""

    def take(self, raw: Raw) -> None:
        if not is_given(raw):
            return
        usage = decoded(raw)
        self._raw = bytes(raw)
        self._tier = _tier(usage) or self._tier
        for path in (*_INPUT, *_OUTPUT):
            count = tokens(usage, *path)
            if count or (count == 0 and (path in _OUTPUT or path not in self._counts)):
                self._counts[path] = count

    def usage(self, quality: Quality) -> Usage:
        if not self._counts:
            return Usage()
        plain, read, written, written_5m, written_1h = (self._counts.get(path, 0) for path in _INPUT)
        output, thinking, searches = (self._counts.get(path, 0) for path in _OUTPUT)
        return Usage(
            input_tokens=plain,
            cache_read_tokens=read,
            cache_write_5m_tokens=written_5m + max(0, written - written_5m - written_1h),
            cache_write_1h_tokens=written_1h,
            output_tokens=max(0, output - thinking),
            reasoning_tokens=thinking,
            web_searches=searches,
            service_tier=self._tier,
            quality=quality,
            raw=self._raw,
        )


def _tier(usage: object) -> str:
    """Fast mode is told apart from the tier, and is what has a price of its own."""
    if not isinstance(usage, dict):
        return ""
    return "fast" if usage.get("speed") == "fast" else word(usage.get("service_tier"))


def render_usage(usage: Usage) -> dict[str, int]:
    """What Anthropic's clients read. Fields that were not reported are 0: clients fail without them."""
    return {
        "input_tokens": usage.input_tokens + usage.tool_input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens
        + usage.cache_write_5m_tokens
        + usage.cache_write_1h_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.total_output_tokens,
    }
