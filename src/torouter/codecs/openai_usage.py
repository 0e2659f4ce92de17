"""Usage objects of OpenAI's shape, in tokens: chat, Responses, embeddings, images, transcriptions and their imitators.

`prompt_tokens` (in later operations `input_tokens`) includes cached and cache-written tokens, which are disjoint;
`completion_tokens` (`output_tokens`) includes reasoning. Some servers leave one or the other out of the sum; that is a
fact of the channel and is not guessed from one answer. Audio and images are told without saying what of them was
cached: as many of them as can be are taken as not cached. OpenAI API reference, seen 2026-11.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from torouter.canon.usage import Quality, Usage
from torouter.codecs.figures import decoded, parts_within, tokens, word

__all__ = ["openai_figures"]


_Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]


class _Prompt(msgspec.Struct):
    cached_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None
    audio_tokens: _Count | None = None
    image_tokens: _Count | None = None


class _Completion(msgspec.Struct):
    reasoning_tokens: _Count | None = None
    audio_tokens: _Count | None = None
    image_tokens: _Count | None = None


class _ChatUsage(msgspec.Struct):
    """What OpenAI itself and most others send for a chat."""

    prompt_tokens: _Count
    completion_tokens: _Count
    prompt_tokens_details: _Prompt | None = None
    completion_tokens_details: _Completion | None = None


_read_chat = msgspec.json.Decoder(_ChatUsage).decode


def openai_figures(raw: msgspec.Raw | bytes, quality: Quality = "none", tier: object = None) -> Usage | None:
    """The figures of a usage object; `None` if it holds none (null, `{}`, a duration). `tier` is the `service_tier`
    that stands beside it."""
    try:
        usage = _read_chat(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _any_figures(raw, quality, tier)
    read = written = reasoning = audio_in = image_in = audio_out = image_out = 0
    if (prompt := usage.prompt_tokens_details) is not None:
        read, written = prompt.cached_tokens or 0, prompt.cache_write_tokens or 0
        audio_in, image_in = prompt.audio_tokens or 0, prompt.image_tokens or 0
    if (completion := usage.completion_tokens_details) is not None:
        reasoning = completion.reasoning_tokens or 0
        audio_out, image_out = completion.audio_tokens or 0, completion.image_tokens or 0
    plain = max(0, usage.prompt_tokens - read - written)
    output = max(0, usage.completion_tokens - reasoning)
    if audio_in or image_in or audio_out or image_out:
        audio_in, image_in = parts_within(plain, audio_in, image_in)
        audio_out, image_out = parts_within(output, audio_out, image_out)
    return Usage(
        input_tokens=plain,
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=output,
        reasoning_tokens=reasoning,
        audio_input_tokens=audio_in,
        image_input_tokens=image_in,
        audio_output_tokens=audio_out,
        image_output_tokens=image_out,
        service_tier=word(tier),
        quality=quality,
        raw=bytes(raw),
    )


_INPUT: Final = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
"""The last of them is what transcriptions say."""
_OUTPUT: Final = ("completion_tokens_details", "output_tokens_details", "output_token_details")


def _any_figures(raw: msgspec.Raw | bytes, quality: Quality, tier: object) -> Usage | None:
    """The same of every other shape, of which nothing is certain."""
    usage = decoded(raw)
    prompt = _first(usage, "prompt_tokens", "input_tokens")
    completion = _first(usage, "completion_tokens", "output_tokens")
    if prompt is None and completion is None:
        prompt = tokens(usage, "total_tokens")  # rerankers and some embedders tell nothing else
        if prompt is None:
            return None
    read, written = _detail(usage, "cached_tokens", _INPUT), _detail(usage, "cache_write_tokens", _INPUT)
    reasoning = _detail(usage, "reasoning_tokens", _OUTPUT)
    plain, output = max(0, (prompt or 0) - read - written), max(0, (completion or 0) - reasoning)
    audio_in, image_in = _media(usage, plain, _INPUT)
    audio_out, image_out = _media(usage, output, _OUTPUT)
    return Usage(
        input_tokens=plain,
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=output,
        reasoning_tokens=reasoning,
        audio_input_tokens=audio_in,
        image_input_tokens=image_in,
        audio_output_tokens=audio_out,
        image_output_tokens=image_out,
        service_tier=word(tier),
        quality=quality,
        raw=bytes(raw),
    )


def _media(usage: object, whole: int, groups: tuple[str, ...]) -> tuple[int, int]:
    return parts_within(whole, _detail(usage, "audio_tokens", groups), _detail(usage, "image_tokens", groups))


def _first(usage: object, *names: str) -> int | None:
    for name in names:
        if (count := tokens(usage, name)) is not None:
            return count
    return None


def _detail(usage: object, name: str, groups: tuple[str, ...]) -> int:
    for group in groups:
        if (count := tokens(usage, group, name)) is not None:
            return count
    return 0
