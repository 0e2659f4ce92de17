"""What the agents' tests share: the installed command lines, a room for each run, and the play that they all are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tests.agents.cli import Outcome, Room
from tests.agents.errand import Errand
from tests.agents.upstream import Reply, Script, ScriptedUpstream, Stumbling
from tests.live.gateway import Gateway
from tests.live.node.packages import install

__all__ = ["Agent", "AgentScript", "Channel", "Play", "channel_settings", "settings"]


class AgentScript(Script, Protocol):
    """The upstream's part, for one errand."""

    turns: list[str]

    def error(self, what: str) -> object: ...


Agent = Callable[[Gateway], Awaitable[Outcome]]
"""The client's part: runs the agent, pointed at the gateway."""

Play = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Channel:
    """How the gateway's one channel reaches the scripted upstream."""

    kind: str
    dialect: str
    base: str


@pytest.fixture(scope="session")
def packages(pytestconfig: pytest.Config) -> Path:
    """The folder that holds the agents. Their first installation takes half a minute and says so."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n[agents] {line}", end="", flush=True)

    return install(Path(__file__).parent, name="agents", say=say) / "node_modules"


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "agent")


@pytest.fixture
def play(tmp_path: Path, room: Room) -> Play:
    """`await play(errand, script, channel, agent)`: the agent does its errand over a gateway and a scripted upstream.

    Everything is asserted here: what the script demanded, the command that really ran, both turns, the exit code and
    the last words on standard output. With `stumble` the upstream gives that reply to the first request it gets.
    """

    async def played(
        errand: Errand, script: AgentScript, channel: Channel, agent: Agent, *, stumble: Reply | None = None
    ) -> None:
        errand.prepare(room.work)
        upstream = ScriptedUpstream(Stumbling(script, stumble) if stumble else script, error=script.error)
        async with upstream:
            with Gateway(tmp_path / "gateway", channels=[settings(channel, upstream, errand)]) as gateway:
                outcome = await agent(gateway)
        story = f"{upstream.seen()}\n{outcome}"
        assert upstream.objections == [], story
        assert outcome.exit_code == 0, story
        assert errand.was_run_in(room.work), story
        assert errand.farewell in outcome.stdout, story
        assert script.turns == ["tool_call", "farewell"], story

    return played


def settings(channel: Channel, upstream: ScriptedUpstream, errand: Errand) -> dict[str, object]:
    """The channel as the configuration file has it: one model, by two names."""
    return channel_settings(channel, upstream, key=errand.upstream_key, models={errand.model: errand.upstream_model})


def channel_settings(
    channel: Channel, upstream: ScriptedUpstream, *, key: str, models: Mapping[str, str]
) -> dict[str, object]:
    return {
        "name": "scripted",
        "kind": channel.kind,
        "base_url": upstream.url + channel.base,
        "api_key": key,
        "dialects": [channel.dialect],
        "models": dict(models),
    }
