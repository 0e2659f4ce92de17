"""opencode, pointed at a gateway: one command line that speaks any of the four dialects, as its provider does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.agents.cli import Outcome, Room
from tests.agents.conftest import Agent
from tests.live.gateway import Gateway

__all__ = ["DIALECTS", "opencode"]

_PROVIDERS: Final = {
    "openai-chat": ("@ai-sdk/openai-compatible", "/v1"),
    "openai-responses": ("@ai-sdk/openai", "/v1"),
    "anthropic": ("@ai-sdk/anthropic", "/v1"),
    "gemini": ("@ai-sdk/google", "/v1beta"),
}
"""The package of each dialect (all are inside the binary) and where it looks below the gateway's root."""

DIALECTS: Final = tuple(_PROVIDERS)


def opencode(room: Room, packages: Path, prompt: str, *, dialect: str, model: str) -> Agent:
    start = packages / "opencode-linux-x64" / "bin" / "opencode"
    command = [str(start), "run", "-m", f"gateway/{model}", prompt]

    async def agent(gateway: Gateway) -> Outcome:
        (room.work / "opencode.json").write_text(json.dumps(_settings(gateway, dialect, model)))
        return await room.run(command, {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"})

    return agent


def _settings(gateway: Gateway, dialect: str, model: str) -> dict[str, object]:
    package, mount = _PROVIDERS[dialect]
    options = {"baseURL": gateway.url + mount, "apiKey": gateway.key}
    facts = {
        "name": model,
        "reasoning": True,
        "tool_call": True,
        "attachment": True,
        "modalities": {"input": ["text", "image"], "output": ["text"]},
        "limit": {"context": 200_000, "output": 32_000},
    }
    return {
        "$schema": "https://opencode.ai/config.json",
        "provider": {"gateway": {"npm": package, "name": "Gateway", "options": options, "models": {model: facts}}},
        "permission": {"bash": "allow"},
        "share": "disabled",
        "autoupdate": False,
    }
