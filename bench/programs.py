"""The programs that the benchmark needs, found on this machine or built from `c/`; missing ones are named together."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BenchError", "Programs", "find_programs"]

_SOURCES = Path(__file__).parent / "c"
# Debian keeps nginx outside the PATH of ordinary users.
_PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
_PACKAGES = {"nginx": "nginx-light", "wrk": "wrk", "cc": "gcc libc6-dev"}


class BenchError(Exception):
    """The run cannot go on. The text is a sentence for whoever started it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    nginx: str
    wrk: str
    compiler: str
    upstream: str
    streams: str


def find_programs(folder: Path) -> Programs:
    """`folder` receives what is built. Raises `BenchError` that says what to install."""
    found = {name: shutil.which(name, path=_PLACES) for name in _PACKAGES}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        packages = " ".join(_PACKAGES[name] for name in missing)
        raise BenchError(f"The benchmark needs {', '.join(missing)}. On Debian or Ubuntu: apt-get install {packages}")
    compiler = str(found["cc"])
    return Programs(
        nginx=str(found["nginx"]),
        wrk=str(found["wrk"]),
        compiler=compiler,
        upstream=_build(compiler, "upstream", folder),
        streams=_build(compiler, "streams", folder),
    )


def _build(compiler: str, name: str, folder: Path) -> str:
    made = folder / name
    command = [compiler, "-O2", "-o", str(made), str(_SOURCES / f"{name}.c")]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode:
        raise BenchError(f"{compiler} cannot build bench/c/{name}.c: {built.stderr.strip()}")
    return str(made)
