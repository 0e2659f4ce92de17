"""Claude Code over an Anthropic Messages upstream."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agents.claude_code import MODEL, QUIET, claude, start
from tests.agents.cli import Outcome, Room
from tests.agents.conftest import Channel, Play, settings
from tests.agents.errand import Errand
from tests.agents.messages_script import MessagesScript
from tests.agents.upstream import ScriptedUpstream, json_reply
from tests.live.gateway import Gateway

pytestmark = pytest.mark.timeout(600)  # the first test may have to install the agents

CHANNEL = Channel("anthropic", "anthropic", "")
ERRAND = (MODEL, "upstream-opus")


@pytest.mark.parametrize("key_variable", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"], ids=["x-api-key", "bearer"])
@pytest.mark.parametrize("mount", ["", "/api"], ids=["root", "api"])
async def test_a_turn_with_a_tool_call(room: Room, packages: Path, play: Play, key_variable: str, mount: str) -> None:
    errand = Errand(*ERRAND)
    agent = claude(room, packages, errand.prompt, mount=mount, key_variable=key_variable)
    await play(errand, MessagesScript(errand), CHANNEL, agent)


async def test_it_comes_back_after_a_429(room: Room, packages: Path, play: Play) -> None:
    errand = Errand(*ERRAND)
    told = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down."}}
    stumble = json_reply(told, status=429, headers={"retry-after": "1"})
    await play(errand, MessagesScript(errand), CHANNEL, claude(room, packages, errand.prompt), stumble=stumble)


async def test_it_counts_tokens_on_its_way(room: Room, packages: Path, play: Play) -> None:
    """`/context` asks `count_tokens` many times at once before the agent can go on its errand."""
    errand = Errand(*ERRAND)
    script = MessagesScript(errand)

    async def agent(gateway: Gateway) -> Outcome:
        context = await claude(room, packages, "/context")(gateway)
        assert context.exit_code == 0, context
        assert MODEL in context.stdout, context
        return await claude(room, packages, errand.prompt)(gateway)

    await play(errand, script, CHANNEL, agent)
    assert script.counts >= 3, "the counts came through to the upstream's counter"


async def test_it_discovers_the_models(room: Room, packages: Path, tmp_path: Path) -> None:
    """At a terminal it asks `GET /v1/models?limit=1000`, with Bearer, and keeps what it likes: names of Claude."""
    errand = Errand(*ERRAND)
    script = MessagesScript(errand)
    kept = room.home / ".claude" / "cache" / "gateway-models.json"
    greeted = {"hasCompletedOnboarding": True, "projects": {str(room.work): {"hasTrustDialogAccepted": True}}}
    (room.home / ".claude.json").write_text(json.dumps(greeted))
    async with ScriptedUpstream(script, error=script.error) as upstream:
        with Gateway(tmp_path / "gateway", channels=[settings(CHANNEL, upstream, errand)]) as gateway:
            pointed = {"ANTHROPIC_BASE_URL": gateway.url, "ANTHROPIC_AUTH_TOKEN": gateway.key}
            # Discovery counts as traffic that is not essential.
            wish = {"CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": ""}
            screen = await room.sit_at(start(packages), {**pointed, **QUIET, **wish}, until=kept.is_file)
    assert kept.is_file(), screen
    assert MODEL in kept.read_text()
    assert upstream.objections == []
