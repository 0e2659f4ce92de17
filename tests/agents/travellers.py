"""The agents of `test_cells`: the dialect that each speaks, how it is started, its tools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.agents import claude_code, codex, gemini_cli, opencode
from tests.agents.cli import Room
from tests.agents.conftest import Agent
from tests.agents.journey import Tool

__all__ = ["TRAVELLERS", "Traveller", "codex_of"]

Start = Callable[[Room, Path, str], Agent]
"""(room, packages, prompt) → the agent, ready to be run."""

_DESCRIBED: Final = {"description": "Find the secret"}


@dataclass(frozen=True, slots=True)
class Traveller:
    """`shell` takes a command, `viewer` a picture's path. Without `keeps_ids` calls come back without their ids."""

    dialect: str
    model: str
    shell: Tool
    viewer: Tool
    start: Start
    keeps_ids: bool = True


def _claude_code(model: str) -> Traveller:
    def start(room: Room, packages: Path, prompt: str) -> Agent:
        return claude_code.claude(room, packages, prompt, model=model)

    shell, viewer = Tool("Bash", "command", _DESCRIBED), Tool("Read", "file_path")
    return Traveller("anthropic", model, shell, viewer, start)


def codex_of(model: str) -> Traveller:
    def start(room: Room, packages: Path, prompt: str) -> Agent:
        return codex.codex(room, packages, prompt, model=model)

    return Traveller("openai-responses", model, Tool("exec_command", "cmd"), Tool("view_image", "path"), start)


def _gemini_cli(model: str) -> Traveller:
    def start(room: Room, packages: Path, prompt: str) -> Agent:
        return gemini_cli.gemini(room, packages, prompt, model=model)

    shell, viewer = Tool("run_shell_command", "command", _DESCRIBED), Tool("read_file", "file_path")
    return Traveller("gemini", model, shell, viewer, start)


def _opencode(dialect: str, model: str) -> Traveller:
    def start(room: Room, packages: Path, prompt: str) -> Agent:
        return opencode.opencode(room, packages, prompt, dialect=dialect, model=model)

    shell, viewer = Tool("bash", "command", _DESCRIBED), Tool("read", "filePath")
    # @ai-sdk/google sends calls back without ids (seen 2026-11).
    return Traveller(dialect, model, shell, viewer, start, keeps_ids=dialect != "gemini")


TRAVELLERS: Final = {
    # From this model on it says some of its instructions in the middle of the conversation.
    "claude-code": _claude_code("claude-opus-4-8"),
    "codex": codex_of("gpt-5.5"),
    # To a Gemini 3 model it puts pictures into `functionResponse.parts`, and then does not send them (seen 2026-11).
    "gemini-cli": _gemini_cli("gemini-2.5-flash"),
    "opencode-chat": _opencode("openai-chat", "gpt-5"),
    "opencode-responses": _opencode("openai-responses", "gpt-5"),
    "opencode-messages": _opencode("anthropic", "claude-opus-4-7"),
    "opencode-gemini": _opencode("gemini", "gemini-3-flash-preview"),
}
