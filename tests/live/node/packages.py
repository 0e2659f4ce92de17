"""npm packages for tests: what a folder's `package-lock.json` says, installed once under `build/node/`.

`build/` is outside of git. A stamp beside the packages holds what they were made from, so that a second run does
nothing; a file lock keeps two runs of the tests in one checkout from installing over each other.

Install scripts never run: the SDKs need none, and the agents' binaries come as npm packages for the platform.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

__all__ = ["NodeMissing", "install", "node"]

OLDEST_NODE = 20
INSTALL_WITHIN_S = 600
_PROGRESS_EVERY_S = 5.0
_BUILD = Path(__file__).parents[3] / "build" / "node"

Say = Callable[[str], object]


class NodeMissing(AssertionError):
    """Node or npm is missing or too old; the text says what to do. An error and never a skip: these tests are due."""


@cache
def node() -> str:
    """The path of a Node that is new enough."""
    found = _program("node")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        raise NodeMissing(f"{found} is {version}; these tests need Node {OLDEST_NODE} or newer: put one first in PATH")
    return found


def install(folder: Path, *, name: str, say: Say) -> Path:
    """Installs the packages that `folder` pins into `build/node/<name>`; returns that path (`node_modules` is in it).

    `say` gets a line now and then. Raises `NodeMissing`, or `AssertionError` with npm's own words if npm fails.
    """
    target = _BUILD / name
    target.mkdir(parents=True, exist_ok=True)
    stamp = target / "stamp"
    wanted = _fingerprint(folder)
    with _locked(target / "lock"):
        if not (stamp.is_file() and stamp.read_text() == wanted):
            stamp.unlink(missing_ok=True)
            for file in ("package.json", "package-lock.json"):
                shutil.copy(folder / file, target / file)
            _npm_ci(target, say)
            stamp.write_text(wanted)
    return target


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NodeMissing(
            f"no `{name}` in PATH: install Node {OLDEST_NODE} or newer with npm, then run the tests again"
        )
    return found


def _fingerprint(folder: Path) -> str:
    version = subprocess.run([node(), "--version"], capture_output=True, check=True).stdout
    files = [(folder / file).read_bytes() for file in ("package.json", "package-lock.json")]
    return hashlib.sha256(b"\0".join([version, *files])).hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _npm_ci(target: Path, say: Say) -> None:
    """`npm ci` in `target`, saying every few seconds that it goes on (npm is silent when nobody looks)."""
    command = [_program("npm"), "ci", "--ignore-scripts", "--include=optional", "--no-audit", "--no-fund"]
    say(f"npm ci in {target} (packages come from the npm registry) …")
    began = time.monotonic()
    log = target / "npm.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=target, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            while (code := _wait_a_little(process)) is None:
                spent_s = time.monotonic() - began
                assert spent_s < INSTALL_WITHIN_S, f"npm ci did not end within {INSTALL_WITHIN_S} s; see {log}"
                say(f"… npm is at it for {spent_s:.0f} s")
        finally:
            process.kill()
            process.wait()
    assert code == 0, f"`{' '.join(command)}` in {target} ended with {code}:\n{log.read_text(errors='replace')[-4000:]}"
    say(f"npm packages are in place after {time.monotonic() - began:.0f} s")


def _wait_a_little(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(_PROGRESS_EVERY_S)
    except subprocess.TimeoutExpired:
        return None
