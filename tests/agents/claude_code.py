"""Claude Code, pointed at a gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.agents.cli import Outcome, Room
from tests.agents.conftest import Agent
from tests.live.gateway import Gateway
from tests.live.node.packages import node

__all__ = ["MODEL", "QUIET", "claude", "start"]

MODEL: Final = "claude-opus-4-7"

QUIET = {
    "IS_SANDBOX": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
}


def start(packages: Path) -> list[str]:
    return [node(), str(packages / "@anthropic-ai" / "claude-code" / "cli-wrapper.cjs")]


def claude(
    room: Room,
    packages: Path,
    prompt: str,
    *,
    mount: str = "",
    key_variable: str = "ANTHROPIC_API_KEY",
    model: str = MODEL,
) -> Agent:
    command = [*start(packages), "-p", prompt, "--model", model, "--allowedTools", "Bash"]

    async def agent(gateway: Gateway) -> Outcome:
        pointed = {"ANTHROPIC_BASE_URL": gateway.url + mount, key_variable: gateway.key}
        return await room.run(command, {**pointed, **QUIET})

    return agent
