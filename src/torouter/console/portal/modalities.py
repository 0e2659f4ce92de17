"""What is told of a model by its name alone: whose it is, and what it is for. Nobody's API says either; what no row
knows is a chat model of nobody in particular."""

from __future__ import annotations

import re
from typing import Final, Literal

from torouter.units import Operation

__all__ = ["SORTS", "Sort", "operations_of", "sees_images", "sort_of", "vendor_of"]

Sort = Literal["chat", "embeddings", "images", "audio", "rerank"]

SORTS: Final[tuple[Sort, ...]] = ("chat", "embeddings", "images", "audio", "rerank")
_OPERATIONS: Final[dict[Sort, tuple[Operation, ...]]] = {
    "chat": ("chat",),
    "embeddings": ("embeddings",),
    "images": ("images", "image_edits"),
    "audio": ("transcriptions", "speech"),
    "rerank": ("rerank",),
}
_VOICE: Final = re.compile(r"tts|^sonic")
_EAR: Final = re.compile(r"whisper|transcribe|^voxtral")

_VENDORS: Final = (
    ("claude", "Anthropic"),
    ("gpt", "OpenAI"),
    ("chatgpt", "OpenAI"),
    ("o1", "OpenAI"),
    ("o3", "OpenAI"),
    ("o4", "OpenAI"),
    ("codex", "OpenAI"),
    ("text-embedding", "OpenAI"),
    ("dall-e", "OpenAI"),
    ("whisper", "OpenAI"),
    ("tts", "OpenAI"),
    ("gemini", "Google"),
    ("imagen", "Google"),
    ("deepseek", "DeepSeek"),
    ("qwen", "Qwen"),
    ("kimi", "Moonshot"),
    ("minimax", "MiniMax"),
    ("grok", "xAI"),
    ("llama", "Meta"),
    ("mistral", "Mistral"),
    ("glm", "Zhipu"),
)
# The first that is found in the bare name. Models that draw within a chat (`gemini-…-image`) are chat models.
_SORTS: Final[tuple[tuple[re.Pattern[str], Sort], ...]] = (
    (re.compile(r"rerank"), "rerank"),
    (re.compile(r"embed|\bbge-|\be5-|\bgte-"), "embeddings"),
    (re.compile(r"^dall-e|^gpt-image|^chatgpt-image|^imagen|^flux|stable-diffusion|^qwen-image|^seedream"), "images"),
    (re.compile(r"whisper|transcribe|(?:^|-)tts(?:-|$)|^sonic|^voxtral"), "audio"),
)
# That take images, by the vendors' own lists of models, seen 2026-11.
_SEES: Final = re.compile(
    r"claude-(?:3|opus|sonnet|haiku|fable)|gpt-4o|gpt-4\.[1-9]|gpt-4-turbo|gpt-[5-9]|chatgpt-4o|o1(?!-(?:mini|preview))"
    r"|o3(?!-mini)|o4|gemini-|grok-(?:4|2-vision)|pixtral|mistral-(?:small|medium|large)-(?:3|25|26)|llama-(?:3\.2.*vision|4)"
    r"|qwen.*-vl|qvq|kimi-k2\.5|glm-4\.\d+v|llava|minicpm-v|gemma-3"
)


def vendor_of(name: str) -> str:
    """Empty where no row knows."""
    bare = _bare(name)
    return next((vendor for prefix, vendor in _VENDORS if bare.startswith(prefix)), "")


def sort_of(name: str) -> Sort:
    bare = _bare(name)
    for pattern, sort in _SORTS:
        if pattern.search(bare):
            return sort
    return "chat"


def operations_of(name: str) -> tuple[Operation, ...]:
    """Which a model of this name is called for. A model of sounds either hears or speaks, where its name says so."""
    sort = sort_of(name)
    if sort != "audio":
        return _OPERATIONS[sort]
    is_voice, is_ear = (pattern.search(_bare(name)) is not None for pattern in (_VOICE, _EAR))
    return ("speech",) if is_voice and not is_ear else ("transcriptions",) if is_ear else _OPERATIONS[sort]


def sees_images(name: str) -> bool | None:
    """Is it known to take images? `None`: nobody has said."""
    if sort_of(name) != "chat":
        return None
    return True if _SEES.match(_bare(name)) else None


def _bare(name: str) -> str:
    return name.rsplit("/", 1)[-1].lower()
