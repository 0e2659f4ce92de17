"""Gemini CLI over a Gemini upstream."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agents.cli import Outcome, Room
from tests.agents.conftest import Agent, Channel, Play
from tests.agents.errand import Errand
from tests.agents.gemini_script import GeminiScript
from tests.agents.upstream import json_reply
from tests.live.gateway import Gateway
from tests.live.node.packages import node

pytestmark = pytest.mark.timeout(600)  # the first test may have to install the agents

CHANNEL = Channel("gemini", "gemini", "/v1beta")
ERRAND = ("gemini-3-flash-preview", "upstream-flash")

_SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
}


def gemini(room: Room, packages: Path, prompt: str, *, mount: str = "") -> Agent:
    start = packages / "@google" / "gemini-cli" / "bundle" / "gemini.js"
    command = [node(), str(start), "-p", prompt, "--yolo", "-m", ERRAND[0]]

    async def agent(gateway: Gateway) -> Outcome:
        folder = room.home / ".gemini"
        folder.mkdir()
        (folder / "settings.json").write_text(json.dumps(_SETTINGS))
        pointed = {"GOOGLE_GEMINI_BASE_URL": gateway.url + mount, "GEMINI_API_KEY": gateway.key}
        return await room.run(command, {**pointed, "GEMINI_CLI_TRUST_WORKSPACE": "true"})

    return agent


@pytest.mark.parametrize("mount", ["", "/api"], ids=["root", "api"])
async def test_a_turn_with_a_tool_call(room: Room, packages: Path, play: Play, mount: str) -> None:
    errand = Errand(*ERRAND)
    await play(errand, GeminiScript(errand), CHANNEL, gemini(room, packages, errand.prompt, mount=mount))


async def test_it_comes_back_after_a_429(room: Room, packages: Path, play: Play) -> None:
    """Its own pause is five seconds, whatever `Retry-After` says."""
    errand = Errand(*ERRAND)
    told = {"error": {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED"}}
    stumble = json_reply(told, status=429, headers={"retry-after": "1"})
    await play(errand, GeminiScript(errand), CHANNEL, gemini(room, packages, errand.prompt), stumble=stumble)
