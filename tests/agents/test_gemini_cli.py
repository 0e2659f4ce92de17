"""Gemini CLI over a Gemini upstream."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.cli import Room
from tests.agents.conftest import Channel, Play
from tests.agents.errand import Errand
from tests.agents.gemini_cli import MODEL, gemini
from tests.agents.gemini_script import GeminiScript
from tests.agents.upstream import json_reply

pytestmark = pytest.mark.timeout(600)  # the first test may have to install the agents

CHANNEL = Channel("gemini", "gemini", "/v1beta")
ERRAND = (MODEL, "upstream-flash")


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
