"""`pip install torouter` gives the same: a wheel, built from the source archive, in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import urllib.request
import zipfile
from pathlib import Path

import pytest

import torouter
from tests.house.project import PACKAGE, ROOT, newcomers_environment, uv
from tests.house.served import Served
from tests.live.gateway import free_port

KEY = "sk-test-wheel-0123456789abcdef"

pytestmark = pytest.mark.timeout(300)


def run(*command: str | Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "UV_PROJECT_ENVIRONMENT"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(uv(), "build", "--quiet", "--out-dir", folder)
    return folder


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds the wheel and what it depends on, in the locked versions."""
    folder = tmp_path_factory.mktemp("installed")
    locked = folder / "constraints.txt"
    export = ("export", "--quiet", "--frozen", "--no-default-groups", "--no-emit-project", "--no-hashes", "-o")
    run(uv(), *export, locked)
    run(uv(), "venv", "--quiet", folder / "venv")
    (wheel,) = dist.glob("*.whl")
    into = ("--python", folder / "venv" / "bin" / "python")
    run(uv(), "pip", "install", "--quiet", *into, "--constraints", locked, wheel)
    run(uv(), "pip", "check", *into)
    return folder / "venv" / "bin"


def test_the_wheel_holds_the_whole_package_and_nothing_else(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    code = {str(path.relative_to(ROOT / "src")) for path in PACKAGE.rglob("*") if is_shipped(path)}
    assert code <= held
    assert "torouter/py.typed" in held
    assert [name for name in held if name.startswith("torouter/store/migrations/versions/")]
    about = {name for name in held if ".dist-info/" in name}
    assert held - about == code
    assert {name.rpartition("/")[2] for name in about} >= {"LICENSE", "METADATA", "entry_points.txt"}


def is_shipped(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def test_the_source_archive_builds_without_a_checkout(dist: Path) -> None:
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        held = {name.partition("/")[2] for name in source.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "src/torouter/__init__.py"} <= held


@pytest.mark.parametrize("command", [["torouter"], ["python", "-m", "torouter"]], ids=["script", "module"])
def test_it_knows_its_version(installed: Path, command: list[str]) -> None:
    assert torouter.__version__ in run(installed / command[0], *command[1:], "--version")


def test_it_serves_and_stops(installed: Path, tmp_path: Path) -> None:
    environment = newcomers_environment(tmp_path / "home") | {"TOROUTER_FIRST_KEY": KEY}
    command = [str(installed / "torouter"), "serve", "--port", str(free_port()), "--data", str(tmp_path / "data")]
    with Served(command, cwd=tmp_path, environment=environment) as served:
        url = served.expect(r"listening on (http://\S+)", 30)
        with urllib.request.urlopen(f"{url}/healthz", timeout=10) as response:
            assert response.status == 200
        asked = {"model": "gpt-5", "messages": [{"role": "user", "content": "hi"}]}
        request = urllib.request.Request(
            f"{url}/v1/chat/completions",
            json.dumps(asked).encode(),
            {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            answer = json.load(response)
        assert "demo" in answer["choices"][0]["message"]["content"]
        assert served.stop() == 0
