"""Programs of the README and the documents as they stand, but for address and key, against a gateway without any
settings."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest

from tests.house.project import code_blocks
from tests.live.gateway import Gateway

PROGRAMS = [text for language, text in code_blocks("README.md") if language == "python"]
(SOCKET_PROGRAM,) = (text for language, text in code_blocks("docs/websocket.md") if language == "python")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


def test_there_is_a_program_for_each_sdk() -> None:
    assert [re.findall(r"from (openai|anthropic|google) import", program) for program in PROGRAMS] == [
        ["openai"],
        ["anthropic"],
        ["google"],
    ]


@pytest.mark.parametrize("program", [*PROGRAMS, SOCKET_PROGRAM], ids=["openai", "anthropic", "gemini", "websocket"])
def test_programs_run_as_they_stand(gateway: Gateway, program: str) -> None:
    here = program.replace("http://127.0.0.1:8000", gateway.url).replace("sk-***", gateway.key)
    done = subprocess.run([sys.executable, "-c", here], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


def test_the_settings_for_codex_parse() -> None:
    (text,) = (text for language, text in code_blocks("README.md") if language == "toml")
    settings = tomllib.loads(text)
    assert settings["model_providers"][settings["model_provider"]]["wire_api"] == "responses"
