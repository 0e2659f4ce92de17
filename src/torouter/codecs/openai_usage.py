"""Usage objects of OpenAI's shape, in tokens: chat, Responses, embeddings, images, transcriptions and their imitators.

`prompt_tokens` (in later operations `input_tokens`) includes cached and cache-written tokens, which are disjoint;
`completion_tokens` (`output_tokens`) includes reasoning. Some servers leave one or the other out of the sum; that is a
fact of the channel and is not guessed from one answer. OpenAI API reference, seen 2026-11.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from torouter.canon.usage import Quality, Usage
from torouter.codecs.figures import decoded, tokens

__all__ = ["openai_figures"]


_Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]


class _Details(msgspec.Struct):
    cached_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None
    reasoning_tokens: _Count | None = None


class _ChatUsage(msgspec.Struct):
    """What OpenAI itself and most others send for a chat."""

    prompt_tokens: _Count
    completion_tokens: _Count
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


_read_chat = msgspec.json.Decoder(_ChatUsage).decode


def openai_figures(raw: msgspec.Raw | bytes, quality: Quality = "none") -> Usage | None:
    """The figures of a usage object; `None` if it holds none (null, `{}`, a duration)."""
    try:
        usage = _read_chat(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _any_figures(raw, quality)
    read = written = reasoning = 0
    if (prompt := usage.prompt_tokens_details) is not None:
        read, written = prompt.cached_tokens or 0, prompt.cache_write_tokens or 0
    if (completion := usage.completion_tokens_details) is not None:
        reasoning = completion.reasoning_tokens or 0
    return Usage(
        input_tokens=max(0, usage.prompt_tokens - read - written),
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=max(0, usage.completion_tokens - reasoning),
        reasoning_tokens=reasoning,
        quality=quality,
        raw=bytes(raw),
    )


def _any_figures(raw: msgspec.Raw | bytes, quality: Quality) -> Usage | None:
    """The same of every other shape, of which nothing is certain."""
    usage = decoded(raw)
    prompt = _first(usage, "prompt_tokens", "input_tokens")
    completion = _first(usage, "completion_tokens", "output_tokens")
    if prompt is None and completion is None:
        prompt = tokens(usage, "total_tokens")  # rerankers and some embedders tell nothing else
        if prompt is None:
            return None
    read = _detail(usage, "cached_tokens", "prompt_tokens_details", "input_tokens_details")
    written = _detail(usage, "cache_write_tokens", "prompt_tokens_details", "input_tokens_details")
    reasoning = _detail(usage, "reasoning_tokens", "completion_tokens_details", "output_tokens_details")
    return Usage(
        input_tokens=max(0, (prompt or 0) - read - written),
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=max(0, (completion or 0) - reasoning),
        reasoning_tokens=reasoning,
        quality=quality,
        raw=bytes(raw),
    )


def _first(usage: object, *names: str) -> int | None:
    for name in names:
        if (count := tokens(usage, name)) is not None:
            return count
    return None


def _detail(usage: object, name: str, *groups: str) -> int:
    for group in groups:
        if (count := tokens(usage, group, name)) is not None:
            return count
    return 0
