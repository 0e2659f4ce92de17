"""The rows of upstream kinds: where each lives, what it speaks, which names it answers to."""

from __future__ import annotations

import pickle

import pytest

from torouter.channels import KINDS, Channel
from torouter.channels.base_url import BaseUrl
from torouter.channels.target import PATHS
from torouter.units import DIALECTS, OPERATIONS


def test_every_kind_of_the_documentation_has_a_row() -> None:
    assert list(KINDS) == [
        *("openai", "anthropic", "gemini", "openrouter", "azure", "deepseek", "qwen", "moonshot", "minimax", "mistral"),
        *("groq", "xai", "together", "fireworks", "ollama", "vllm", "llamacpp"),
        *("openai-compatible", "anthropic-compatible", "gemini-compatible", "demo"),
    ]


@pytest.mark.parametrize("name", KINDS)
def test_a_row_is_sound(name: str) -> None:
    kind = KINDS[name]
    assert kind.name == name
    assert kind.dialects
    assert set(kind.dialects) <= set(DIALECTS)
    assert kind.operations <= set(OPERATIONS)
    assert "chat" in kind.operations
    for dialect in kind.dialects:
        assert set(PATHS[dialect]) & kind.operations
        if (url := kind.base_url_of(dialect)) is not None:
            assert BaseUrl.parse(url).origin.scheme in ("http", "https", "memory")
    assert kind.patterns or kind.models


def test_environment_keys() -> None:
    assert {kind.name: kind.env_key for kind in KINDS.values() if kind.name in ("openai", "anthropic", "gemini")} == {
        "openai": "OPENAI_API_KEY",
        "anthropic": "ANTHROPIC_API_KEY",
        "gemini": "GEMINI_API_KEY",
    }
    assert KINDS["openrouter"].env_key == "OPENROUTER_API_KEY"
    keys = [kind.env_key for kind in KINDS.values() if kind.env_key]
    assert len(keys) == len(set(keys))
    assert all(
        KINDS[name].env_key is None for name in ("ollama", "vllm", "llamacpp", "azure", "openai-compatible", "demo")
    )


def test_rows_travel_to_workers() -> None:
    assert pickle.loads(pickle.dumps(KINDS["openai"])).base_url == "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("kind", "asked", "upstream"),
    [
        ("openai", "gpt-5", "gpt-5"),
        ("openai", "openai/gpt-5", "gpt-5"),
        ("openai", "o3", "o3"),
        ("openai", "o4-mini", "o4-mini"),
        ("openai", "text-embedding-3-large", "text-embedding-3-large"),
        ("openai", "text-embedding-004", None),
        ("openai", "text-embedding-v4", None),
        ("openai", "whisper-1", "whisper-1"),
        ("openai", "gpt-oss-120b", None),
        ("openai", "openai/gpt-oss-120b", None),
        ("openai", "ft:gpt-4o-mini:org::id", "ft:gpt-4o-mini:org::id"),
        ("openai", "claude-opus-4-7", None),
        ("openai", "anthropic/claude-opus-4-7", None),
        ("openai", "someone/gpt-5", None),
        ("anthropic", "claude-opus-4-7", "claude-opus-4-7"),
        ("anthropic", "anthropic/claude-opus-4-7", "claude-opus-4-7"),
        ("anthropic", "gpt-5", None),
        ("gemini", "gemini-3-flash-preview", "gemini-3-flash-preview"),
        ("gemini", "google/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gemini", "text-embedding-004", "text-embedding-004"),
        ("gemini", "gemini-embedding-001", "gemini-embedding-001"),
        ("gemini", "tunedModels/mine", "tunedModels/mine"),
        ("openrouter", "openai/gpt-5", "openai/gpt-5"),
        ("openrouter", "anthropic/claude-opus-4.7:beta", "anthropic/claude-opus-4.7:beta"),
        ("openrouter", "gpt-5", None),
        ("openrouter", "/gpt-5", None),
        ("openrouter", "openai/", None),
        ("deepseek", "deepseek/deepseek-chat", "deepseek-chat"),
        ("deepseek", "deepseek-ai/DeepSeek-V3", None),
        ("groq", "openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        ("vllm", "meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
        ("ollama", "qwen3:8b", "qwen3:8b"),
        ("demo", "gpt-5", "gpt-5"),
        ("demo", "gpt-4", None),
        # A `-thinking` name of these families is the gateway's, and must not be taken for a model's own.
        ("anthropic", "claude-opus-4-7-thinking", None),
        ("openai", "gpt-5-thinking-high", None),
        ("openai", "o3-nothinking", None),
        ("gemini", "gemini-2.5-pro-thinking-8000", None),
        ("openrouter", "anthropic/claude-opus-4.7-thinking", None),
        ("vllm", "deepseek-v4-thinking", None),
        ("demo", "gpt-5-thinking", None),
        ("moonshot", "kimi-k2-thinking", "kimi-k2-thinking"),
        ("qwen", "qwen3-235b-a22b-thinking-2507", "qwen3-235b-a22b-thinking-2507"),
        ("openrouter", "moonshotai/kimi-k2-thinking", "moonshotai/kimi-k2-thinking"),
        ("vllm", "my-own-thinking", "my-own-thinking"),
    ],
)
def test_names_by_pattern(kind: str, asked: str, upstream: str | None) -> None:
    assert Channel(name="c", kind=KINDS[kind]).upstream_model(asked) == upstream


def test_declared_names_win_over_patterns() -> None:
    channel = Channel(name="c", kind=KINDS["openai"], models={"gw": "up-n100", "gpt-5": "gpt-5-2025-08-07", "a/b": "x"})
    assert channel.upstream_model("gw") == "up-n100"
    assert channel.upstream_model("gpt-5") == "gpt-5-2025-08-07"
    assert channel.upstream_model("openai/gpt-5") == "gpt-5-2025-08-07"
    assert channel.upstream_model("a/b") == "x"
    assert channel.upstream_model("gpt-5-mini") is None
    assert Channel(name="c", kind=KINDS["openai"], models={}).upstream_model("gpt-5") is None


def test_a_declared_name_may_end_in_thinking() -> None:
    channel = Channel(name="c", kind=KINDS["openai"], models={"gpt-5-thinking": "internal"})
    assert channel.upstream_model("gpt-5-thinking") == "internal"
