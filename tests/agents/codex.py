"""Codex CLI, pointed at a gateway: as a provider of its own, or with the built-in one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.agents.cli import Outcome, Room
from tests.agents.conftest import Agent
from tests.agents.wiretap import Wiretap
from tests.live.gateway import Gateway
from tests.live.node.packages import node

__all__ = ["MODEL", "PROVIDERS", "codex"]

MODEL: Final = "gpt-5"

_QUIET = """
model = "{model}"
check_for_update_on_startup = false
[analytics]
enabled = false
"""

_OWN_PROVIDER = """
[model_providers.torouter]
name = "ToRouter"
base_url = "{base_url}"
env_key = "TOROUTER_API_KEY"
wire_api = "responses"
supports_websockets = {websockets}
"""

PROVIDERS = {
    "own-provider": ('model_provider = "torouter"', _OWN_PROVIDER, "false"),
    "own-provider-websocket": ('model_provider = "torouter"', _OWN_PROVIDER, "true"),
    "built-in": ('openai_base_url = "{base_url}"', "", ""),
}
"""The file's first line, its last table, and whether that provider is said to take WebSockets."""


def configure(room: Room, provider: str, base_url: str, model: str) -> None:
    top, table, websockets = PROVIDERS[provider]
    folder = room.home / ".codex"
    folder.mkdir()
    written = (top + "\n" + _QUIET + table).format(model=model, base_url=base_url, websockets=websockets)
    (folder / "config.toml").write_text(written)


def codex(
    room: Room,
    packages: Path,
    prompt: str,
    *,
    provider: str = "own-provider",
    mount: str = "/v1",
    tap: Wiretap | None = None,
    model: str = MODEL,
    output_schema: Path | None = None,
) -> Agent:
    start = packages / "@openai" / "codex" / "bin" / "codex.js"
    form = [] if output_schema is None else ["--output-schema", str(output_schema)]
    command = [node(), str(start), "exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", *form, prompt]

    async def agent(gateway: Gateway) -> Outcome:
        configure(room, provider, (tap.aim(gateway.port) if tap else gateway.url) + mount, model)
        key = "CODEX_API_KEY" if provider == "built-in" else "TOROUTER_API_KEY"
        return await room.run(command, {key: gateway.key})

    return agent
