"""Every agent over every upstream dialect: three turns with tools, each request held against the vendor's types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.agents import claude_code, codex, gemini_cli, opencode
from tests.agents.cli import Room
from tests.agents.conftest import Agent, channel_settings
from tests.agents.journey import PROMPT, Journey, Shell
from tests.agents.upstream import ScriptedUpstream
from tests.agents.upstreams import PARTS
from tests.live.gateway import Gateway

pytestmark = pytest.mark.timeout(600)  # the first test may have to install the agents


@dataclass(frozen=True, slots=True)
class Traveller:
    """An agent: the dialect that it speaks, the model that it asks for, its shell tool."""

    dialect: str
    model: str
    shell: Shell
    agent: Callable[[Room, Path], Agent]
    keeps_ids: bool = True


_DESCRIBED = {"description": "Find the secret"}


def _opencode(dialect: str, model: str) -> Traveller:
    def agent(room: Room, packages: Path) -> Agent:
        return opencode.opencode(room, packages, PROMPT, dialect=dialect, model=model)

    # @ai-sdk/google sends calls back without ids (seen 2026-11).
    return Traveller(dialect, model, Shell("bash", "command", _DESCRIBED), agent, keeps_ids=dialect != "gemini")


TRAVELLERS = {
    "claude-code": Traveller(
        "anthropic",
        claude_code.MODEL,
        Shell("Bash", "command", _DESCRIBED),
        lambda room, packages: claude_code.claude(room, packages, PROMPT),
    ),
    "codex": Traveller(
        "openai-responses",
        codex.MODEL,
        Shell("exec_command", "cmd"),
        lambda room, packages: codex.codex(room, packages, PROMPT),
    ),
    "gemini-cli": Traveller(
        "gemini",
        gemini_cli.MODEL,
        Shell("run_shell_command", "command", _DESCRIBED),
        lambda room, packages: gemini_cli.gemini(room, packages, PROMPT),
    ),
    "opencode-chat": _opencode("openai-chat", "gpt-5"),
    "opencode-responses": _opencode("openai-responses", "gpt-5"),
    "opencode-messages": _opencode("anthropic", "claude-opus-4-7"),
    "opencode-gemini": _opencode("gemini", "gemini-3-flash-preview"),
}


IN_EVERY_RUN = {
    ("opencode-chat", "anthropic"),
    ("opencode-responses", "gemini"),
    ("opencode-messages", "openai-chat"),
    ("opencode-gemini", "openai-responses"),
}
"""Of opencode, which takes long (6 s a cell on two cores, the others 1 to 4); its other cells are in `make agents`."""


def _cells() -> Iterator[ParameterSet]:
    for name, dialect in product(TRAVELLERS, PARTS):
        is_rare = name.startswith("opencode") and (name, dialect) not in IN_EVERY_RUN
        marks = [pytest.mark.on_request] if is_rare else []
        yield pytest.param(name, dialect, marks=marks, id=f"{name}-over-{dialect}")


@pytest.mark.parametrize(("name", "dialect"), list(_cells()))
async def test_a_journey(room: Room, packages: Path, tmp_path: Path, name: str, dialect: str) -> None:
    traveller = TRAVELLERS[name]
    journey = Journey()
    journey.prepare(room.work)
    is_home = traveller.dialect == dialect
    part = PARTS[dialect](journey, traveller.shell, is_home=is_home, keeps_ids=traveller.keeps_ids)
    async with ScriptedUpstream(part, error=part.error) as upstream:
        models = {traveller.model: part.model}
        channel = channel_settings(part.channel, upstream, key=journey.upstream_key, models=models)
        with Gateway(tmp_path / "gateway", channels=[channel]) as gateway:
            outcome = await traveller.agent(room, packages)(gateway)
    story = f"{upstream.seen()}\n{outcome}"
    assert upstream.objections == [], story
    assert outcome.exit_code == 0, story
    assert journey.was_made_in(room.work), story
    assert journey.farewell in outcome.stdout, story
    assert part.turns == [turn.name for turn in journey.turns], story
