"""What is known of upstream models: how they are told to think, whether they take sampling, how much they may write.

Dated rows in order, the first that fits counts. A row names a family by a pattern anchored at the start of the bare
name, and the lowest version it holds for. A version is one or two digits, so that no date is read as one
(claude-sonnet-4-20250514 is 4.0). Sources: the vendors' documentation and their lists of models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec

from torouter.canon.reasoning import ModelFacts
from torouter.channels.kind import Kind

__all__ = ["FactsRow", "facts_of", "reasons"]

_VERSION: Final = r"(?P<major>\d{1,2})(?:[-.](?P<minor>\d{1,2}))?(?!\d)"
_NO_VERSION: Final = (0, 0)

_Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class FactsRow:
    """`kinds` empty holds for a model wherever it is served; else only where the server itself is known to obey."""

    name: re.Pattern[str]
    since: _Version
    facts: ModelFacts
    kinds: frozenset[str] = frozenset()

    def fits(self, kind: str, name: str) -> bool:
        if self.kinds and kind not in self.kinds:
            return False
        found = self.name.match(name)
        return found is not None and _version(found) >= self.since


def _version(found: re.Match[str]) -> _Version:
    groups = found.groupdict()
    return int(groups.get("major") or 0), int(groups.get("minor") or 0)


def _row(pattern: str, since: _Version = _NO_VERSION, *, kinds: Iterable[str] = (), facts: ModelFacts) -> FactsRow:
    return FactsRow(re.compile(pattern), since, facts, frozenset(kinds))


def _claude() -> tuple[FactsRow, ...]:
    """Claude, seen 2026-11. Names have the family first (claude-sonnet-4-5), up to 3.7 last (claude-3-5-haiku)."""
    adaptive = ModelFacts(reasoning="adaptive", takes_sampling=False, max_output_tokens=128_000)
    newest = _with(adaptive, takes_system_turns=True)  # with Opus 4.8, and all that came after it
    any_family = rf"claude-(?:[a-z]+-)?{_VERSION}"
    return (
        # Opus 5.5 and Fable 5.1 answer 400 to `disabled`; Sonnet 5.5 has `between_tools` in its place.
        _row(rf"claude-(?:opus|sonnet)-{_VERSION}", (5, 5), facts=_with(newest, may_disable_reasoning=False)),
        _row(rf"claude-fable-{_VERSION}", (5, 1), facts=_with(newest, may_disable_reasoning=False)),
        _row(any_family, (4, 8), facts=newest),
        _row(any_family, (4, 7), facts=adaptive),
        # 4.6 still takes budgets (deprecated) and sampling.
        _row(any_family, (4, 6), facts=_with(adaptive, takes_sampling=True)),
        _row(any_family, (4, 5), facts=ModelFacts(reasoning="budget", max_output_tokens=64_000)),
        _row(rf"claude-opus-{_VERSION}", (4, 0), facts=ModelFacts(reasoning="budget", max_output_tokens=32_000)),
        _row(any_family, (3, 7), facts=ModelFacts(reasoning="budget", max_output_tokens=64_000)),
        _row(any_family, (3, 5), facts=ModelFacts(max_output_tokens=8_192)),
        _row(any_family, facts=ModelFacts(max_output_tokens=4_096)),
    )


def _openai() -> tuple[FactsRow, ...]:
    """OpenAI, seen 2026-11. Reasoning models accept sampling only at its default."""
    effort = ModelFacts(reasoning="effort", takes_sampling=False, max_output_tokens=128_000)
    always = _with(effort, may_disable_reasoning=False)
    return (
        _row(r"gpt-5(?:\.\d+)?-chat", facts=ModelFacts(max_output_tokens=16_384)),
        _row(r"gpt-5(?:\.\d+)?-(?:pro|codex)", facts=always),
        _row(rf"gpt-{_VERSION}", (5, 1), facts=effort),  # `none` came with 5.1
        _row(rf"gpt-{_VERSION}", (5, 0), facts=always),
        _row(r"gpt-oss", facts=ModelFacts(reasoning="effort", may_disable_reasoning=False)),
        _row(r"o1-(?:mini|preview)", facts=ModelFacts(takes_sampling=False, max_output_tokens=32_768)),
        _row(r"o\d(?!\d)", facts=_with(always, max_output_tokens=100_000)),
        _row(r"codex-mini", facts=_with(always, max_output_tokens=100_000)),
        _row(r"gpt-4\.1(?!\d)", facts=ModelFacts(max_output_tokens=32_768)),
        _row(r"(?:chat)?gpt-4o", facts=ModelFacts(max_output_tokens=16_384)),
        _row(r"gpt-4-(?:turbo|1106|0125)", facts=ModelFacts(max_output_tokens=4_096)),
        _row(r"gpt-4(?![\d.])", facts=ModelFacts(max_output_tokens=8_192)),
        _row(r"gpt-3\.5", facts=ModelFacts(max_output_tokens=4_096)),
    )


def _gemini() -> tuple[FactsRow, ...]:
    """Gemini, seen 2026-11 (its Models API and thinking guide). `-latest` names are Gemini 3 by now."""
    level = ModelFacts(reasoning="level", may_disable_reasoning=False, max_output_tokens=65_536)
    budget = ModelFacts(reasoning="budget", max_output_tokens=65_536, min_budget_tokens=0, max_budget_tokens=24_576)
    return (
        _row(r"gemini-embedding", facts=ModelFacts()),
        _row(r"gemini-2\.5-(?:flash|pro).*-tts", facts=ModelFacts(max_output_tokens=16_384)),
        _row(r"gemini-2\.5-flash-image", facts=ModelFacts(max_output_tokens=32_768)),
        _row(r"gemini-2\.5-flash-lite", facts=_with(budget, min_budget_tokens=512)),
        _row(r"gemini-2\.5-flash", facts=budget),
        _row(
            r"gemini-2\.5-pro",
            facts=_with(budget, may_disable_reasoning=False, min_budget_tokens=128, max_budget_tokens=32_768),
        ),
        _row(r"gemini-3-pro-image", facts=_with(level, max_output_tokens=32_768)),
        _row(rf"gemini-{_VERSION}", (3, 0), facts=level),
        _row(r"gemini-(?:pro|flash|flash-lite)-latest", facts=level),
        _row(rf"gemini-{_VERSION}", facts=ModelFacts(max_output_tokens=8_192)),
    )


def _flags() -> tuple[FactsRow, ...]:
    """Models with an on/off switch, where the server knows it, seen 2026-11. Elsewhere (vLLM, Groq …) the switch is in
    a chat template and is not ours to guess. They want their visible reasoning back within a loop of tools: DeepSeek,
    Kimi and MiniMax answer worse or with 400 without it."""
    flag = ModelFacts(reasoning="flag", takes_reasoning=True)
    generic = ("openai-compatible", "anthropic-compatible", "demo")
    return (
        _row(r"deepseek-reasoner", kinds=("deepseek", *generic), facts=_with(flag, may_disable_reasoning=False)),
        _row(r"deepseek-(?:chat|v)", kinds=("deepseek", *generic), facts=flag),
        _row(r"kimi-k2-thinking", kinds=("moonshot", *generic), facts=_with(flag, may_disable_reasoning=False)),
        _row(rf"kimi-k{_VERSION}", (2, 5), kinds=("moonshot", *generic), facts=flag),
        _row(r"qwen3.*-(?:instruct|coder)", facts=ModelFacts()),
        _row(r"qwen3.*-thinking", kinds=("qwen", *generic), facts=_with(flag, may_disable_reasoning=False)),
        _row(r"qwen(?:3|-plus|-turbo|-flash)", kinds=("qwen", *generic), facts=flag),
        _row(rf"glm-{_VERSION}", (4, 5), kinds=generic, facts=flag),
        _row(r"doubao-", kinds=generic, facts=flag),
        _row(r"minimax-", kinds=("minimax", *generic), facts=ModelFacts(takes_reasoning=True)),
    )


def _others() -> tuple[FactsRow, ...]:
    """xAI, seen 2026-11: Grok 3 mini takes an effort; Grok 4 always reasons and refuses the field."""
    return (_row(r"grok-3-mini", facts=ModelFacts(reasoning="effort", may_disable_reasoning=False)),)


def _with(facts: ModelFacts, **changes: bool | int) -> ModelFacts:
    return msgspec.structs.replace(facts, **changes)


_ROWS: Final = (*_claude(), *_openai(), *_gemini(), *_flags(), *_others())
_UNKNOWN: Final = ModelFacts()


@lru_cache(maxsize=4096)
def facts_of(kind: Kind, upstream_model: str) -> ModelFacts:
    """What is known of a model at a kind of upstream; the defaults of `ModelFacts` if nothing is.

    OpenRouter translates one `reasoning` object for every vendor, so its style is its own and the rest the model's.
    """
    facts = _known(kind, upstream_model)
    facts = _with(facts, takes_json_schema=kind.takes_json_schema, takes_links=kind.takes_links)
    facts = msgspec.structs.replace(facts, media_limit_bytes=kind.media_limit_bytes)
    return msgspec.structs.replace(facts, reasoning="openrouter") if kind.name == "openrouter" else facts


def reasons(kind: Kind, upstream_model: str) -> bool:
    """Is the model known to think before it answers? Unlike its facts, it says no of OpenRouter's plain models."""
    facts = _known(kind, upstream_model)
    return facts.reasoning != "none" or facts.takes_reasoning


def _known(kind: Kind, upstream_model: str) -> ModelFacts:
    name = upstream_model.rsplit("/", 1)[-1].lower()
    return next((row.facts for row in _ROWS if row.fits(kind.name, name)), _UNKNOWN)
