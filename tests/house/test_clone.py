"""The README's first command as a newcomer runs it: a fresh clone of what is committed, an empty HOME, empty caches."""

from __future__ import annotations

import shlex
import subprocess
import time
from pathlib import Path

import pytest

from tests.house.project import ROOT, code_blocks, newcomers_environment
from tests.house.served import Served, calls_in
from tests.live.gateway import free_port

SETUP_WITHIN_S = 300.0
SECOND_START_WITHIN_S = 15.0


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / "clone"], check=True)
    return tmp_path / "clone"


@pytest.mark.timeout(600)
def test_the_first_command_serves_a_newcomer(clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = newcomers_environment(tmp_path / "home")
    command = [*shlex.split(code_blocks("README.md")[0][1]), "--port", str(free_port())]

    began = time.monotonic()
    with Served(command, cwd=clone, environment=environment) as served:
        url = served.expect(r"listening on (http://\S+)", SETUP_WITHIN_S)
        key = served.expect(r"Key \(shown once\): (sk-\S+)", 10)
        calls = served.expect_calls(3)
        set_up_s = time.monotonic() - began
        assert [call.url for call in calls] == [
            f"{url}/v1/chat/completions",
            f"{url}/v1/messages",
            f"{url}/v1beta/models/gemini-3-flash-preview:generateContent?key={key}",
        ]
        assert [call.headers.get("Authorization") for call in calls] == [f"Bearer {key}", None, None]
        assert [call.headers.get("x-api-key") for call in calls] == [None, key, None]

        began = time.monotonic()
        answers = [call.answer() for call in calls]
        calls_s = time.monotonic() - began
        assert ["demo" in answer for answer in answers] == [True, True, True]
        assert served.stop() == 0

    began = time.monotonic()
    with Served(command, cwd=clone, environment=environment) as served:
        served.expect(r"listening on (http://\S+)", SECOND_START_WITHIN_S)
        again_s = time.monotonic() - began
        served.expect(r"(torouter key create)", 10)
        assert key not in served.printed
        assert "demo" in calls[0].answer()
        assert served.stop() == 0

    with capsys.disabled():
        print(f"\nfresh clone: set up and serving in {set_up_s:.1f} s, three calls in {calls_s * 1000:.0f} ms", end="")
        print(f", started again in {again_s:.1f} s")


def test_the_readmes_calls_are_those_that_serve_prints() -> None:
    calls = calls_in((ROOT / "README.md").read_text("utf-8"))
    assert [(call.url, sorted(call.headers)) for call in calls] == [
        ("http://127.0.0.1:8000/v1/chat/completions", ["Authorization", "Content-Type"]),
        ("http://127.0.0.1:8000/v1/messages", ["Content-Type", "anthropic-version", "x-api-key"]),
        (
            "http://127.0.0.1:8000/v1beta/models/gemini-3-flash-preview:generateContent?key=sk-***",
            ["Content-Type"],
        ),
    ]
