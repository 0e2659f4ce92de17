"""The machine and the versions, for the record: a figure without them says little."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sysconfig
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.programs import Programs
from bench.rows import Machine

__all__ = ["describe"]

_LIBRARIES = ("torouter", "uvloop", "httptools", "msgspec", "uvicorn")


def describe(programs: Programs, scheduling: str, options: Mapping[str, int]) -> Machine:
    versions = {name: version(name) for name in _LIBRARIES}
    versions["commit"] = _commit()
    versions["nginx"] = _told([programs.nginx, "-v"], r"nginx/(\S+)")
    versions["wrk"] = _told([programs.wrk, "-v"], r"wrk (?:debian/)?(\S+)")
    versions["cc"] = _told([programs.compiler, "--version"], r"(\S+)\n")
    return Machine(
        at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        cpu=_found(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) or platform.machine(),
        cores=os.cpu_count() or 1,
        memory_mb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        kernel=platform.release(),
        python=_python(),
        scheduling=scheduling,
        versions=versions,
        options=dict(options),
    )


def _python() -> str:
    """Optimized builds differ by tens of per cent, so what was chosen when it was built is part of the version.
    (Debian optimizes its own by other means than `configure`, and does not tell.)"""
    chosen = re.findall(
        r"--enable-optimizations|--with-lto|--enable-bolt", str(sysconfig.get_config_var("CONFIG_ARGS"))
    )
    built = [
        platform.python_compiler(),
        platform.python_build()[1],
        *(sorted(set(chosen)) or ["configured without optimizations"]),
    ]
    return f"{platform.python_implementation()} {platform.python_version()} ({', '.join(built)})"


def _told(command: list[str], pattern: str) -> str:
    told = subprocess.run(command, capture_output=True, text=True)
    return _found(pattern, told.stdout + told.stderr) or "unknown"


def _found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[1].strip() if match else None


def _commit() -> str:
    """Of this checkout; with a `+` where files differ from it."""
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
