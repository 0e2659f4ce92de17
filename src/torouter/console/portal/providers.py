"""How the upstreams fare, for account holders: one word for each provider, and no word of channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from torouter.accounts.office.views import GroupView
from torouter.console.admin.routing_view import ChannelHealth
from torouter.console.portal.sources import Sources
from torouter.errors import TorouterError

__all__ = ["Provider", "fold", "providers"]

Condition = Literal["good", "degraded", "down"]

_NAMES: Final = {
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "gemini": "Google Gemini",
    "openrouter": "OpenRouter",
    "azure": "Azure OpenAI",
    "deepseek": "DeepSeek",
    "qwen": "Qwen",
    "moonshot": "Moonshot",
    "minimax": "MiniMax",
    "mistral": "Mistral",
    "groq": "Groq",
    "xai": "xAI",
    "together": "Together",
    "fireworks": "Fireworks",
    "ollama": "Ollama",
    "vllm": "vLLM",
    "llamacpp": "llama.cpp",
    "openai-compatible": "OpenAI API",
    "anthropic-compatible": "Anthropic API",
    "gemini-compatible": "Gemini API",
    "demo": "Demo",
}


@dataclass(frozen=True, slots=True)
class Provider:
    name: str
    condition: Condition


def providers(sources: Sources, groups: Iterable[GroupView]) -> list[Provider]:
    """Those that the groups reach, by name; none where the gateway is too busy to say."""
    snapshot = sources.snapshot()
    kinds = {channel.name: channel.kind.name for group in groups for channel in snapshot.channels_of(group.name)}
    try:
        health = sources.routing.health().channels
    except TorouterError:
        return []
    by_kind: dict[str, list[ChannelHealth]] = {}
    for channel in health:
        if channel.channel in kinds:
            by_kind.setdefault(kinds[channel.channel], []).append(channel)
    found = [Provider(_NAMES.get(kind, kind), fold(channels)) for kind, channels in by_kind.items()]
    return sorted(found, key=lambda each: each.name.lower())


def fold(channels: Sequence[ChannelHealth]) -> Condition:
    """Down: nobody there may be asked; degraded: somebody may not, or has failed just now."""
    conditions: list[Condition] = [_condition(channel) for channel in channels]
    return conditions[0] if len(set(conditions)) == 1 else "degraded"


def _condition(channel: ChannelHealth) -> Condition:
    if any(note.blame == "channel" for note in channel.held):
        return "down"
    resting = [report for report in channel.models if report.left_s > 0]
    if resting and len(resting) == len(channel.models):
        return "down"
    is_failing = any(report.failures_in_row for report in channel.models)
    return "degraded" if channel.held or resting or is_failing else "good"
