from __future__ import annotations

import pytest

from torouter.canon.reasoning import Reasoning
from torouter.routing.names import split_thinking


@pytest.mark.parametrize(
    ("name", "base", "reasoning"),
    [
        ("claude-opus-4-7-thinking", "claude-opus-4-7", Reasoning(depth="auto")),
        ("gpt-5-thinking-high", "gpt-5", Reasoning(depth="high")),
        ("gpt-5-thinking-max", "gpt-5", Reasoning(depth="max")),
        ("gemini-2.5-pro-thinking-8000", "gemini-2.5-pro", Reasoning(depth="auto", budget_tokens=8000)),
        ("gpt-5-nothinking", "gpt-5", Reasoning(depth="off")),
        ("anthropic/claude-opus-4-7-thinking", "anthropic/claude-opus-4-7", Reasoning(depth="auto")),
    ],
)
@pytest.mark.pitfall(120)
def test_suffixes(name: str, base: str, reasoning: Reasoning) -> None:
    assert split_thinking(name) == (base, reasoning)


@pytest.mark.parametrize("name", ["gpt-5", "-thinking", "thinking", "gpt-5-thinking-", "gpt-5-thinking-12345678", ""])
def test_no_suffix(name: str) -> None:
    assert split_thinking(name) is None
