#!/usr/bin/env python3
"""Set ToRouter up in this checkout, then serve or test it.

    python3 go.py serve [options of `torouter serve`]
    python3 go.py test  [arguments for pytest: then only pytest runs]
    python3 go.py setup

Needs Python 3.11 or newer and nothing else of ours: this file uses the standard library only. It makes `.venv`,
installs uv into it with pip, and lets uv install exactly what `uv.lock` says. Running it again costs nothing unless
the lock file changed. What it says goes to stderr; stdout belongs to the command that it starts.

Where packages come from is this machine's choice: pip's configuration (files and `PIP_*` variables: index, proxy,
certificate) is carried over to uv, which by itself reads none of it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
STAMP = VENV / "torouter-setup.json"
"""What `.venv` holds: made where, from which lock, with which groups. No stamp: somebody else made it."""

UV = "uv>=0.13.9,<0.14"
OLDEST = (3, 11)
NEWER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")
OLDEST_NODE = 20
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

CHECKS = (
    ("ruff check", ("ruff", "check", "--quiet", ".")),
    ("ruff format", ("ruff", "format", "--quiet", "--check", ".")),
    ("codespell", ("codespell",)),
    ("mypy", ("mypy",)),
    ("pyright", ("pyright",)),
    ("pytest, what there is", ("pytest", "--collect-only", "-qq", "-p", "no:cacheprovider")),
)
"""The last makes the bytecode of tests and libraries, which otherwise each process of pytest would make for itself."""
GIVING_WAY = ("nice", "-n", "19")
"""How the checks are started: whoever measures time beside them goes first."""
BESIDE = "not on_request and not alone"
BROWSER = "tests/browser"
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")
TESTS = (
    ("pytest", ("pytest", "-n", "4", *BY_FILE, "-m", BESIDE, f"--ignore={BROWSER}")),
    ("pytest, in a browser", ("pytest", "-n", "2", *BY_FILE, BROWSER)),
)
"""Most tests wait for servers and clocks more than they reckon, so four at a time fit on two cores. Each has a file, in
the order of their names: by itself xdist leaves files of few tests for last, among them those that take minutes.
Playwright keeps an event loop running, beside which no test of asyncio can have its own."""
AGAIN = {
    "pytest": ("pytest, what failed beside others", ("pytest", "--last-failed", "-m", BESIDE, f"--ignore={BROWSER}"))
}
"""A machine that was too busy for its deadlines fails no test; what fails alone as well has failed."""
ALONE = "pytest, what measures time"
MARKED_ALONE = re.compile(r"\bmark\.alone\b")


class Stamp(TypedDict):
    locked: str
    groups: list[str]


class Trouble(Exception):
    """Something that the person at the keyboard has to do; the message is the sentence that says what."""


def main(argv: list[str]) -> int:
    command, arguments = (argv[0], argv[1:]) if argv else ("help", [])
    try:
        if command == "serve":
            return serve(arguments)
        if command == "test":
            return test(arguments)
        if command == "setup":
            set_up({"dev"})
            return 0
        print(__doc__, file=sys.stderr)
        return 0 if command in {"help", "-h", "--help"} else 2
    except Trouble as trouble:
        print(f"\ngo.py: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def serve(arguments: list[str]) -> int:
    """Becomes `torouter serve`: signals and the exit code are the server's own."""
    set_up(set())
    os.execv(BIN / "torouter", ["torouter", "serve", *arguments])


def test(arguments: list[str]) -> int:
    set_up({"dev"} if has_node() else {"dev", "node"})
    require_chromium(arguments)
    environment = carried_over()
    environment["PATH"] = f"{BIN}{os.pathsep}{environment.get('PATH', os.defpath)}"
    # Kept bytecode saves every process of pytest half a minute of compiling its tests, and their libraries, anew.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if arguments:
        failed = [] if is_passing("pytest", ("pytest", *arguments), environment) else ["pytest"]
    else:
        failed = failed_alone(environment) + failed_tests(environment)
    if failed:
        raise Trouble(f"failed: {', '.join(failed)}. What each has to say stands above.")
    return 0


def failed_alone(environment: dict[str, str]) -> list[str]:
    """The names of the checks, and of the tests that measure time. Those mostly wait; the checks get what they leave of
    the machine. A test that fails all the same is run again when the checks are done."""
    alone = ("pytest", "-m", "alone", *files_with_tests_alone())
    say(f"{', '.join(name for name, _ in CHECKS)} …")
    with ThreadPoolExecutor(len(CHECKS)) as threads:
        running = [(name, threads.submit(check, command, environment)) for name, command in CHECKS]
        is_good = is_passing(ALONE, alone, environment)
        failed = [name for name, checked in running if not is_shown_passing(name, *checked.result())]
    if is_good or is_passing(f"{ALONE}, what failed", (*alone, "--last-failed"), environment):
        return failed
    return [*failed, ALONE]


def files_with_tests_alone() -> list[str]:
    """To import all the others, only to leave them out, takes as long as some of these tests."""
    files = sorted(ROOT.glob("tests/**/test_*.py"))
    return [str(file.relative_to(ROOT)) for file in files if MARKED_ALONE.search(file.read_text("utf-8"))]


def check(command: tuple[str, ...], environment: dict[str, str]) -> tuple[int, float, str]:
    """The exit code, seconds, and what it said."""
    began = time.monotonic()
    done = subprocess.run(
        [*GIVING_WAY, BIN / command[0], *command[1:]],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, time.monotonic() - began, done.stdout


def failed_tests(environment: dict[str, str]) -> list[str]:
    """Their names."""
    return [
        name
        for name, command in TESTS
        if not is_passing(name, command, environment)
        and (name not in AGAIN or not is_passing(*AGAIN[name], environment))
    ]


def is_passing(name: str, command: tuple[str, ...], environment: dict[str, str]) -> bool:
    began = time.monotonic()
    say(f"{name} …")
    status = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, env=environment).returncode
    return is_shown_passing(name, status, time.monotonic() - began)


def is_shown_passing(name: str, status: int, took_s: float, said: str = "") -> bool:
    print(said, end="", flush=True)
    say(f"{name}: {'passed' if status == 0 else 'FAILED'} in {took_s:.1f} s")
    return status == 0


# -- setting up --------------------------------------------------------------------------------------------------


def set_up(groups: set[str]) -> None:
    """Makes `.venv` hold the locked packages and at least these dependency groups. Groups it has, it keeps."""
    require_python()
    stamp = read_stamp()
    if stamp is None:
        make_venv()
        stamp = Stamp(locked="", groups=[])
    if stamp["locked"] == locked() and groups <= set(stamp["groups"]):
        return
    environment = carried_over()
    install_uv()
    wanted = sorted(groups | set(stamp["groups"]))
    sync(wanted, environment)
    write_stamp(Stamp(locked=locked(), groups=wanted))


def read_stamp() -> Stamp | None:
    """`None` where there is no `.venv` of ours: absent, made by another hand, moved, or of a Python that has left."""
    if not STAMP.exists() or not (BIN / "python").exists():
        return None
    kept = json.loads(STAMP.read_text())
    return Stamp(locked=kept["locked"], groups=kept["groups"]) if kept["root"] == str(ROOT) else None


def write_stamp(stamp: Stamp) -> None:
    STAMP.write_text(json.dumps({"root": str(ROOT), **stamp}))


def locked() -> str:
    """A hash of what decides which packages are installed."""
    return hashlib.sha256((ROOT / "uv.lock").read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()


def require_python() -> None:
    """Goes on with a newer Python of this machine if the one that was called is too old."""
    if os.name != "posix":
        raise Trouble("ToRouter runs on Linux and macOS. On Windows, run this inside WSL.")
    if sys.version_info >= OLDEST:
        return
    for name in NEWER_PYTHONS:
        newer = shutil.which(name)
        if newer is not None:
            os.execv(newer, [newer, *sys.argv])
    raise Trouble(
        f"this is Python {sys.version_info[0]}.{sys.version_info[1]}, and ToRouter needs 3.11 or newer. "
        "Install one (Debian, Ubuntu: apt-get install python3.11 python3.11-venv; macOS: brew install python) "
        "and run: python3.11 go.py …"
    )


def make_venv() -> None:
    require_ensurepip()
    if VENV.exists():
        say("Making .venv anew: the one here was not finished, or not made by go.py")
    else:
        say("Making .venv")
    run(
        [sys.executable, "-m", "venv", "--clear", "--prompt", "torouter", str(VENV)],
        "Python could not make .venv: see above. Is there room on the disk, and may this user write here?",
    )
    write_stamp(Stamp(locked="", groups=[]))


def require_ensurepip() -> None:
    """Debian and Ubuntu keep what `venv` needs in a package of its own."""
    if importlib.util.find_spec("ensurepip") is not None:
        return
    package = f"python3.{sys.version_info[1]}-venv"
    commands = f"apt-get update && apt-get install -y {package}"
    if shutil.which("apt-get") is None:
        raise Trouble("this Python has no ensurepip. Install your system's package for it, and run this again.")
    if os.geteuid() != 0:
        raise Trouble(f"this Python lacks its venv package. Run this, and then go.py again:\n  sudo sh -c '{commands}'")
    say(f"Installing {package}, which this Python lacks")
    run(["sh", "-c", f"export DEBIAN_FRONTEND=noninteractive; {commands}"], f"run this yourself: {commands}")


def install_uv() -> None:
    if (BIN / "uv").exists():
        return
    say(f"Installing {UV} into .venv (about 20 MB)")
    run(
        [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV],
        "pip could not install uv: see above. Is there a network? Behind a proxy set HTTPS_PROXY, with a package "
        "index of your own PIP_INDEX_URL, and run again.",
    )


def sync(groups: list[str], environment: dict[str, str]) -> None:
    """Installs what the lock file says. It names PyPI; another index serves the same files, and hashes prove it."""
    say(f"Installing the locked packages{' with the groups ' + ', '.join(groups) if groups else ''}")
    uv = str(BIN / "uv")
    chosen = ["--no-default-groups", *(word for group in groups for word in ("--group", group))]
    advice = "uv could not install the locked packages: see above. If it was the network, just run this again."
    if "UV_DEFAULT_INDEX" not in environment:
        run([uv, "sync", "--locked", *chosen], advice, environment)
        return
    wanted, into = str(VENV / "requirements.txt"), ["--python", str(BIN / "python")]
    run([uv, "export", "--quiet", "--frozen", "--no-emit-project", *chosen, "-o", wanted], advice, environment)
    run([uv, "pip", "sync", *into, "--require-hashes", wanted], advice, environment)
    run([uv, "pip", "install", *into, "--no-deps", "--editable", "."], advice, environment)


# -- the machine -------------------------------------------------------------------------------------------------


def carried_over() -> dict[str, str]:
    """The environment, with pip's settings in the words of uv and node where the machine has not set those already."""
    pip = pip_settings()
    meant = {
        "UV_DEFAULT_INDEX": os.environ.get("UV_INDEX_URL") or pip.get("index-url"),
        "UV_INDEX": pip.get("extra-index-url"),
        "UV_INSECURE_HOST": pip.get("trusted-host"),
        "SSL_CERT_FILE": pip.get("cert"),
        "NODE_EXTRA_CA_CERTS": pip.get("cert"),
        "HTTPS_PROXY": pip.get("proxy"),
        # As pip does, trust what the system trusts: by itself uv knows the public authorities only.
        "UV_SYSTEM_CERTS": "1" if ssl.get_default_verify_paths().cafile else None,
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PROJECT_ENVIRONMENT": str(VENV),
    }
    environment = {name: value for name, value in meant.items() if value} | os.environ
    environment.pop("VIRTUAL_ENV", None)
    return environment


def pip_settings() -> dict[str, str]:
    """pip's configuration on this machine, by option name (`cert`, `index-url` …). Variables win over files."""
    command = [str(BIN / "python"), "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    settings: dict[str, str] = {}
    for line in sorted(listed, key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        settings[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    return settings


def has_node() -> bool:
    """Tests of the Node SDKs and the agents need it. If missing or old, the group `node` brings one, from PyPI."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    major = version.strip().lstrip("v").partition(".")[0]
    return major.isdigit() and int(major) >= OLDEST_NODE


def require_chromium(arguments: list[str]) -> None:
    """The tests in `tests/browser` look at the portal with it. Any other tests do without. The one without a window, of
    Debian, needs half the time; not every system has it."""
    if any(shutil.which(name) for name in CHROMIUMS) or (arguments and not is_named("tests/browser", arguments)):
        return
    commands = " || ".join(f"apt-get install -y {name} fonts-dejavu-core" for name in CHROMIUMS[:2])
    commands = f"apt-get update && ({commands})"
    if shutil.which("apt-get") is None:
        raise Trouble("there is no Chromium for the tests of the portal. Install your system's package for it.")
    if os.geteuid() != 0:
        raise Trouble(f"there is no Chromium for the tests of the portal. Run this:\n  sudo sh -c '{commands}'")
    say("Installing Chromium, with which the portal is tested")
    run(["sh", "-c", f"export DEBIAN_FRONTEND=noninteractive; {commands}"], f"run this yourself: {commands}")


def is_named(folder: str, arguments: list[str]) -> bool:
    """Do arguments for pytest ask for this folder, or for all there are?"""
    named = [argument for argument in arguments if argument.startswith("tests")]
    return not named or any(argument.startswith(folder) or argument.strip("/") == "tests" for argument in named)


def run(command: list[str], advice: str, environment: dict[str, str] | None = None) -> None:
    if subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL).returncode != 0:
        raise Trouble(advice)


def say(text: str) -> None:
    print(f"go.py: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
