"""The guide's examples, run as they stand against a gateway that was told nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.console.guide.blocks import PROGRAMS, Block, blocks_of
from tests.console.guide.shapes import misfits
from tests.live.gateway import Gateway
from tests.live.node.packages import install, node
from torouter.console.portal.guide import NAMES

pytestmark = pytest.mark.timeout(600)  # the first that needs Node may have to install packages

_WITHIN_S = 60


@pytest.fixture(scope="session")
def sdks(pytestconfig: pytest.Config) -> Path:
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n[node] {line}", end="", flush=True)

    return install(Path(__file__).with_name("node"), name="sdks", say=say)


@pytest.mark.parametrize("name", NAMES)
def test_examples_run_as_they_stand(name: str, demo: Gateway, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """In order, in one folder: one may use what another has made."""
    said = ""
    for number, block in enumerate(blocks_of(name, demo.url)):
        if block.use == "output":
            assert misfits(json.loads(block.text), json.loads(said)) == [], said
        elif block.is_program:
            command = _command(block, tmp_path / f"{number}.mjs", request)
            said = _run(command, demo.key, tmp_path)
            assert said.strip(), block.text
            assert ('"error"' in said) == _shows_an_error(name, block), f"{block.text}\n{said}"


def _command(block: Block, script: Path, request: pytest.FixtureRequest) -> Sequence[str | Path]:
    if block.language == "sh":
        return "bash", "-euo", "pipefail", "-c", block.text
    if block.language == "python":
        return sys.executable, "-c", block.text
    assert block.language in PROGRAMS
    script.write_text(block.text)
    modules = script.with_name("node_modules")  # Node looks for packages beside a script
    if not modules.exists():
        modules.symlink_to(request.getfixturevalue("sdks") / "node_modules")
    return node(), "--preserve-symlinks", script


def _run(command: Sequence[str | Path], key: str, folder: Path) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TOROUTER_API_KEY": key}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=_WITHIN_S)
    assert done.returncode == 0, f"{command[-1]}\n{done.stderr}"
    return done.stdout


def _shows_an_error(name: str, block: Block) -> bool:
    return name == "errors" and "sk-wrong" in block.text


BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


def _asked(url: str, method: str = "GET") -> tuple[int, str, bytes]:
    """The status, the type and the body, as a browser gets them."""
    try:
        with urlopen(Request(url, headers={"accept": BROWSER}, method=method), timeout=30) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers.get_content_type(), error.read()


def test_a_browser_is_shown_pages(demo: Gateway) -> None:
    for path, status in (("/", 200), ("/docs", 200), ("/docs/errors", 200), ("/docs/nope", 404), ("/nowhere", 404)):
        assert _asked(demo.url + path)[:2] == (status, "text/html"), path
    assert _asked(f"{demo.url}/favicon.ico")[:2] == (200, "image/svg+xml")
    assert _asked(f"{demo.url}/robots.txt") == (200, "text/plain", b"User-agent: *\nDisallow: /\n")
    for path in ("/", "/api", "/api/"):
        assert _asked(demo.url + path, "HEAD") == (200, "text/html", b"")


def test_paths_of_an_api_that_are_none_stay_the_dialects(demo: Gateway) -> None:
    """Whatever the caller says that it accepts."""
    for path in ("/v1/nowhere", "/api/nowhere", "/v1beta/nowhere", "/models/nowhere", "/admin/v1/nowhere"):
        status, kind, body = _asked(demo.url + path)
        assert (status, kind) == (404 if "admin" not in path else status, "application/json"), path
        assert json.loads(body)["error"]["message"], path


def test_every_language_of_programs_is_run() -> None:
    run = [block.language for name in NAMES for block in blocks_of(name) if block.is_program]
    assert set(run) == set(PROGRAMS)
    assert len(run) > 40
