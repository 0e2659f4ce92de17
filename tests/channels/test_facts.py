"""What is known of models: a row of the table per line, and names that must not be misread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torouter.canon.reasoning import ModelFacts
from torouter.channels import KINDS, Kind, facts_of


@pytest.mark.parametrize(
    ("kind", "model", "expected"),
    [
        # Claude: budgets up to 4.5, adaptive from 4.6, no sampling from 4.7, always on in some of 5.5.
        ("anthropic", "claude-2.1", "none sampling 4096"),
        ("anthropic", "claude-3-opus-20240229", "none sampling 4096"),
        ("anthropic", "claude-3-5-sonnet-20241022", "none sampling 8192"),
        ("anthropic", "claude-3-7-sonnet-latest", "budget sampling 64000"),
        ("openrouter", "anthropic/claude-3.7-sonnet", "openrouter sampling 64000"),
        ("anthropic", "claude-sonnet-4-20250514", "budget sampling 64000"),
        ("anthropic", "claude-sonnet-4@20250514", "budget sampling 64000"),
        ("anthropic", "claude-sonnet-4-0", "budget sampling 64000"),
        ("anthropic", "claude-opus-4-20250514", "budget sampling 32000"),
        ("anthropic", "claude-opus-4-1-20250805", "budget sampling 32000"),
        ("anthropic", "claude-opus-4-5-20251101", "budget sampling 64000"),
        ("anthropic", "claude-haiku-4-5-20251001", "budget sampling 64000"),
        ("anthropic", "claude-opus-4-6", "adaptive sampling 128000"),
        ("anthropic", "claude-sonnet-4-6", "adaptive sampling 128000"),
        ("anthropic", "claude-opus-4-7", "adaptive 128000"),
        ("anthropic", "claude-opus-4-8", "adaptive system 128000"),
        ("anthropic", "claude-opus-4-10", "adaptive system 128000"),
        ("anthropic", "claude-sonnet-5", "adaptive system 128000"),
        ("anthropic", "claude-sonnet-5-20260801", "adaptive system 128000"),
        ("anthropic", "claude-fable-5", "adaptive system 128000"),
        ("anthropic", "claude-fable-5-1", "adaptive always system 128000"),
        ("anthropic", "claude-opus-5-5", "adaptive always system 128000"),
        ("anthropic", "claude-haiku-5-5", "adaptive system 128000"),
        ("demo", "claude-opus-4-7", "adaptive 128000"),
        ("openai-compatible", "anthropic/claude-opus-4.7", "adaptive 128000"),
        # OpenAI.
        ("openai", "gpt-5", "effort always 128000"),
        ("openai", "gpt-5-mini-2025-08-07", "effort always 128000"),
        ("openai", "gpt-5-2025-08-07", "effort always 128000"),
        ("openai", "gpt-5.1", "effort 128000"),
        ("openai", "gpt-5.3-codex", "effort always 128000"),
        ("openai", "gpt-5-pro", "effort always 128000"),
        ("openai", "gpt-5-chat-latest", "none sampling 16384"),
        ("openai", "gpt-6", "effort 128000"),
        ("openai", "o1", "effort always 100000"),
        ("openai", "o3-2025-04-16", "effort always 100000"),
        ("openai", "o4-mini", "effort always 100000"),
        ("openai", "gpt-4.1-mini", "none sampling 32768"),
        ("openai", "gpt-4o-2024-08-06", "none sampling 16384"),
        ("openai", "gpt-4-turbo", "none sampling 4096"),
        ("openai", "gpt-4-0613", "none sampling 8192"),
        ("openai", "gpt-3.5-turbo", "none sampling 4096"),
        ("groq", "openai/gpt-oss-120b", "effort always sampling"),
        # Gemini.
        ("gemini", "gemini-2.5-flash", "budget sampling 65536 0-24576"),
        ("gemini", "gemini-2.5-flash-lite-preview-09-2025", "budget sampling 65536 512-24576"),
        ("gemini", "gemini-2.5-pro", "budget always sampling 65536 128-32768"),
        ("gemini", "models/gemini-2.5-pro", "budget always sampling 65536 128-32768"),
        ("gemini", "gemini-2.5-flash-image", "none sampling 32768"),
        ("gemini", "gemini-2.5-flash-preview-tts", "none sampling 16384"),
        ("gemini", "gemini-2.0-flash-001", "none sampling 8192"),
        ("gemini", "gemini-1.5-pro", "none sampling 8192"),
        ("gemini", "gemini-3-flash-preview", "level always sampling 65536"),
        ("gemini", "gemini-3.1-pro-preview", "level always sampling 65536"),
        ("gemini", "gemini-flash-latest", "level always sampling 65536"),
        ("gemini", "gemini-embedding-001", "none sampling"),
        # Switches, where the server has them.
        ("deepseek", "deepseek-chat", "flag sampling"),
        ("deepseek", "deepseek-v4-pro", "flag sampling"),
        ("deepseek", "deepseek-reasoner", "flag always sampling"),
        ("vllm", "deepseek-ai/DeepSeek-V3.1", "none sampling"),
        ("openrouter", "deepseek/deepseek-r1", "openrouter sampling"),
        ("qwen", "qwen3-32b", "flag sampling"),
        ("qwen", "qwen-plus", "flag sampling"),
        ("qwen", "qwen3-coder-plus", "none sampling"),
        ("qwen", "qwen3-235b-a22b-thinking-2507", "flag always sampling"),
        ("ollama", "qwen3:8b", "none sampling"),
        ("moonshot", "kimi-k2.5", "flag sampling"),
        ("moonshot", "kimi-k2-0905-preview", "none sampling"),
        ("moonshot", "kimi-k2-thinking", "flag always sampling"),
        ("openai-compatible", "glm-4.6", "flag sampling"),
        ("openai-compatible", "glm-4-plus", "none sampling"),
        ("openai-compatible", "doubao-seed-1-6", "flag sampling"),
        ("xai", "grok-3-mini", "effort always sampling"),
        ("xai", "grok-4", "none sampling"),
        # Not known at all.
        ("mistral", "mistral-large-latest", "none sampling"),
        ("vllm", "my-claude-opus-4-7-clone", "none sampling"),
        ("openai", "", "none sampling"),
    ],
)
@pytest.mark.pitfall(115)
def test_a_row(kind: str, model: str, expected: str) -> None:
    assert _told(facts_of(KINDS[kind], model)) == expected


def test_what_is_known_of_a_kind_holds_for_its_models() -> None:
    assert not facts_of(KINDS["ollama"], "llava").takes_links
    assert facts_of(KINDS["vllm"], "llava").takes_links
    assert not facts_of(KINDS["gemini-compatible"], "gemini-3-flash-preview").takes_json_schema
    assert facts_of(KINDS["gemini"], "gemini-3-flash-preview").takes_json_schema


def _told(facts: ModelFacts) -> str:
    """The facts in a few words, the ordinary left out."""
    words: list[str] = [facts.reasoning]
    words += ["always"] if not facts.may_disable_reasoning else []
    words += ["sampling"] if facts.takes_sampling else []
    words += ["system"] if facts.takes_system_turns else []
    words += [str(facts.max_output_tokens)] if facts.max_output_tokens is not None else []
    words += [f"{facts.min_budget_tokens}-{facts.max_budget_tokens}"] if facts.max_budget_tokens is not None else []
    return " ".join(words)


@given(day=st.dates().map(lambda day: f"{day:%Y%m%d}"), family=st.sampled_from(["opus", "sonnet", "haiku"]))
@pytest.mark.pitfall(115)
def test_a_date_is_not_a_version(day: str, family: str) -> None:
    kind = KINDS["anthropic"]
    for version in ("4", "4-1", "4-5", "4-6", "4-7", "5", "5-5"):
        name = f"claude-{family}-{version}"
        assert facts_of(kind, f"{name}-{day}") == facts_of(kind, name)


@given(name=st.text(max_size=30), kind=st.sampled_from(list(KINDS.values())))
def test_any_name_has_facts(name: str, kind: Kind) -> None:
    facts = facts_of(kind, name)
    assert facts.max_output_tokens is None or facts.max_output_tokens > 0
