"""Gemini CLI, pointed at a gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.agents.cli import Outcome, Room
from tests.agents.conftest import Agent
from tests.live.gateway import Gateway
from tests.live.node.packages import node

__all__ = ["MODEL", "gemini"]

MODEL: Final = "gemini-3-flash-preview"

_SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
}
_QUIET = {
    "GEMINI_CLI_TRUST_WORKSPACE": "true",
    # By itself it starts a second time, as its own child, for nothing but another limit of memory.
    "GEMINI_CLI_NO_RELAUNCH": "true",
}


def gemini(room: Room, packages: Path, prompt: str, *, mount: str = "", model: str = MODEL) -> Agent:
    start = packages / "@google" / "gemini-cli" / "bundle" / "gemini.js"
    command = [node(), str(start), "-p", prompt, "--yolo", "-m", model]

    async def agent(gateway: Gateway) -> Outcome:
        folder = room.home / ".gemini"
        folder.mkdir()
        (folder / "settings.json").write_text(json.dumps(_SETTINGS))
        pointed = {"GOOGLE_GEMINI_BASE_URL": gateway.url + mount, "GEMINI_API_KEY": gateway.key}
        return await room.run(command, {**pointed, **_QUIET})

    return agent
