"""Where state is valid: one account at one address, or every place that serves Claude; never another family's model."""

from __future__ import annotations

from torouter.channels import KINDS, Channel, Credential
from torouter.units import Dialect, Secret


def scope(
    kind: str, dialect: Dialect, model: str, *, key: str = "sk-1", base_url: str | None = None, name: str = "a"
) -> bytes:
    channel = Channel(
        name=name,
        kind=KINDS[kind],
        base_url=base_url,
        credentials=(Credential(secret=Secret(key)),),
        dialects=(dialect,),
        models={"m": model},
    )
    return channel.scope(dialect, model, channel.credentials[0])


def test_an_account_at_an_address() -> None:
    here = scope("gemini", "gemini", "gemini-3-flash-preview")
    assert len(here) == 16
    assert here == scope("gemini", "gemini", "gemini-3-pro-preview", name="b")
    assert here == scope(
        "gemini", "gemini", "gemini-3-pro-preview", base_url="https://generativelanguage.googleapis.com"
    )
    assert here != scope("gemini", "gemini", "gemini-3-pro-preview", key="sk-2")
    assert here != scope("gemini-compatible", "gemini", "gemini-3-pro-preview", base_url="https://vertex.example")


def test_dialects_and_families_share_nothing() -> None:
    chat = scope("openrouter", "openai-chat", "anthropic/claude-opus-4.7")
    assert chat != scope("openrouter", "anthropic", "anthropic/claude-opus-4.7")
    assert chat != scope("openrouter", "openai-chat", "google/gemini-3-pro")
    assert chat == scope("openrouter", "openai-chat", "anthropic/claude-sonnet-5")


def test_claude_is_claude_everywhere() -> None:
    here = scope("anthropic", "anthropic", "claude-opus-4-7")
    assert here == scope("anthropic", "anthropic", "claude-sonnet-4-5", key="sk-2", base_url="https://proxy.example")
    assert here != scope("deepseek", "anthropic", "deepseek-chat")
    assert here != scope("anthropic-compatible", "anthropic", "claude-opus-4-7", base_url="https://proxy.example")
