"""The playground's snippets, run as they are: by curl, by Python and by Node with the dialects' official SDKs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.console.portal.playground.modules import Json, copied, run, settings
from tests.live.gateway import Gateway
from tests.live.node.packages import node

pytestmark = pytest.mark.timeout(600)  # the first test may have to install the packages

DIALECTS = ("openai-chat", "openai-responses", "anthropic", "gemini")
LANGUAGES = ("curl", "python", "node")
SAID = 'It\'s "fine"\n $HOME `id` \\ 😀'
IMAGE = {
    "type": "image/png",
    "data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
}
TOOL = {
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
PROMPT: Json = {"role": "user", "text": SAID, "images": [IMAGE]}
CALL = {"id": "call_1", "hasOwnId": False, "name": "get_weather", "arguments": '{"city": "Zürich"}'}
RESULT = {"id": "call_1", "hasOwnId": False, "name": "get_weather", "text": "frogs and hail"}
TURNS: dict[str, list[Json]] = {
    "streamed": [PROMPT],
    "whole": [PROMPT],
    "tools": [PROMPT],
    "results": [
        PROMPT,
        {"role": "assistant", "text": "", "calls": [CALL], "native": None},
        {"role": "tools", "results": [RESULT]},
    ],
}
MORE: dict[str, Json] = {
    "streamed": {"isStream": True, "system": "Be brief.", "temperature": 0.5, "maxTokens": 3000, "stop": ["END"]},
    "whole": {"reasoning": "low"},
    "tools": {"isStream": True, "tools": [TOOL]},
    "results": {"tools": [TOOL]},
}
ECHO = 'built-in demo: no provider was asked. You said: “It\'s "fine" $HOME `id` \\ 😀”'
WANTED = {"streamed": ECHO, "whole": ECHO, "tools": "get_weather", "results": "frogs and hail"}
"""Must stand in what the program prints."""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("modules"))


@pytest.fixture(scope="module")
def snippets(modules: Path, demo: Gateway) -> dict[tuple[str, str, str], str]:
    asked = [(language, dialect, way) for language in LANGUAGES for dialect in DIALECTS for way in TURNS]
    calls = [
        {
            "do": "snippet",
            "turns": TURNS[way],
            "settings": settings(dialect, "gpt-5", **MORE[way]),
            "language": language,
            "base": demo.url,
        }
        for language, dialect, way in asked
    ]
    return dict(zip(asked, run(modules, calls), strict=True))


@pytest.mark.parametrize("way", TURNS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_curl(modules: Path, snippets: dict[tuple[str, str, str], str], demo: Gateway, dialect: str, way: str) -> None:
    text = snippets["curl", dialect, way].replace("curl ", "curl --fail-with-body --silent --show-error ", 1)
    printed = _run(["sh", "-c", text], demo.key, modules)
    kind = "text/event-stream" if MORE[way].get("isStream") else "application/json"
    [step] = run(modules, [{"do": "read", "dialect": dialect, "type": kind, "text": printed, "length": 100}])
    assert step["error"] is None
    assert WANTED[way] in step["text"] or WANTED[way] in [call["name"] for call in step["calls"]]


@pytest.mark.parametrize("way", TURNS)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("language", ["python", "node"])
def test_the_sdks(
    snippets: dict[tuple[str, str, str], str], demo: Gateway, packages: Path, language: str, dialect: str, way: str
) -> None:
    text = snippets[language, dialect, way]
    assert demo.key not in text
    printed = _run(_command(language, text, packages), demo.key, packages)
    assert WANTED[way] in printed


def _command(language: str, text: str, packages: Path) -> Sequence[str]:
    if language == "python":
        return [sys.executable, "-W", "error", "-c", text]
    program = packages / "snippet.mjs"
    program.write_text(text, encoding="utf-8")
    return [node(), str(program)]


def _run(command: Sequence[str], key: str, folder: Path) -> str:
    environment = {"PATH": os.environ["PATH"], "TOROUTER_KEY": key, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
