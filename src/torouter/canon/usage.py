"""Usage: disjoint counters in tokens, whatever way the upstream added them up."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Quality", "Usage"]

Quality = Literal["reported", "partial", "estimated", "none"]
"""`reported`: the upstream's final figure. `partial`: figures seen before the stream was cut. `estimated`: ours.
`none`: nothing is known."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Disjoint counters in tokens: their sum is what the request used.

    `input_tokens` excludes cache reads and writes (OpenAI's `prompt_tokens` includes both); `output_tokens` excludes
    reasoning (OpenAI's `completion_tokens` includes it). `cache_write_tokens` are writes whose lifetime the upstream
    did not tell. `tool_input_tokens` is Gemini's `toolUsePromptTokenCount`. `raw` is the upstream's own object.

    The audio and image counters are parts of another one, and never larger: they are priced apart and add nothing to
    any sum. `service_tier` is the upstream's own word for how it served the request, empty where it told none.
    """

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    tool_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    """Of `input_tokens`, as is the next."""
    image_input_tokens: int = 0
    audio_cache_read_tokens: int = 0
    """Of `cache_read_tokens`."""
    audio_output_tokens: int = 0
    """Of `output_tokens`, as is the next."""
    image_output_tokens: int = 0
    web_searches: int = 0
    """Not tokens: searches that the provider made and counted. Only Anthropic's usage tells them."""
    service_tier: str = ""
    quality: Quality = "none"
    raw: bytes = b""

    @property
    def total_input_tokens(self) -> int:
        """Everything that went in, cached or not: what OpenAI and Gemini call the prompt's tokens."""
        return (
            self.input_tokens
            + self.cache_read_tokens
            + self.cache_write_tokens
            + self.cache_write_5m_tokens
            + self.cache_write_1h_tokens
            + self.tool_input_tokens
        )

    @property
    def total_output_tokens(self) -> int:
        return self.output_tokens + self.reasoning_tokens

    @property
    def total_tokens(self) -> int:
        return self.total_input_tokens + self.total_output_tokens
