"""Codex over a Responses upstream: as a provider of its own, and as the built-in one, which tries a WebSocket first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.cli import Room
from tests.agents.codex import MODEL, PROVIDERS, codex
from tests.agents.conftest import Channel, Play
from tests.agents.errand import Errand
from tests.agents.responses_script import ResponsesScript
from tests.agents.upstream import json_reply

pytestmark = pytest.mark.timeout(600)  # the first test may have to install the agents

CHANNEL = Channel("openai", "openai-responses", "/v1")
ERRAND = (MODEL, "upstream-five")


@pytest.mark.parametrize("mount", ["/v1", "/api/v1"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_turn_with_a_tool_call(room: Room, packages: Path, play: Play, provider: str, mount: str) -> None:
    """Where Codex opens a WebSocket, the gateway's 426 sends it to POST at once: the upstream sees no trace of it."""
    errand = Errand(*ERRAND)
    agent = codex(room, packages, errand.prompt, provider=provider, mount=mount)
    await play(errand, ResponsesScript(errand), CHANNEL, agent)


async def test_it_comes_back_after_a_500(room: Room, packages: Path, play: Play) -> None:
    errand = Errand(*ERRAND)
    told = {"error": {"type": "server_error", "message": "Something broke.", "code": None, "param": None}}
    stumble = json_reply(told, status=500)
    await play(errand, ResponsesScript(errand), CHANNEL, codex(room, packages, errand.prompt), stumble=stumble)
