"""Processes under measurement: started on one core, counted from /proc with all their children, and surely ended."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

__all__ = ["Placement", "Spent", "busy_s", "peak_bytes", "running", "spent"]

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_FILES = 20_000
_PRIORITY = 10
_GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a process runs: its core, and whether before everything of ordinary priority (as `chrt -f` does)."""

    core: int
    is_first: bool

    def __call__(self) -> None:
        """In the child, before its program starts."""
        os.sched_setaffinity(0, {self.core})
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        if self.is_first:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))


class Spent(NamedTuple):
    """CPU seconds. `system_s`: within the kernel; `side_s`: of `cpu_s`, what threads beside the first one spent."""

    cpu_s: float
    system_s: float
    side_s: float

    def since(self, before: Spent) -> Spent:
        return Spent(*(now - then for now, then in zip(self, before, strict=True)))


@contextmanager
def running(
    command: Sequence[str], placement: Placement, log: IO[bytes], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Ended by SIGTERM, and what is left of it by SIGKILL."""
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        preexec_fn=placement,
    )
    try:
        yield process
    finally:
        family = _family(process.pid)
        process.terminate()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for orphan in family[1:]:
            _end(orphan)


def spent(process: subprocess.Popen[bytes]) -> Spent:
    """So far, by the process and its descendants, those that have ended included."""
    family = _family(process.pid)
    user, system = (sum(column) for column in zip(*(_times_s(f"/proc/{pid}/stat") for pid in family), strict=True))
    threads = (folder for pid in family for folder in Path(f"/proc/{pid}/task").glob("*") if folder.name != str(pid))
    side = sum(sum(_times_s(f"{folder}/stat", with_children=False)) for folder in threads)
    return Spent(user + system, system, side)


def _times_s(stat: str, *, with_children: bool = True) -> tuple[float, float]:
    """User and system time. `with_children`: also of children that have ended and were waited for."""
    # Behind the name in brackets, which may hold anything: fields 14 to 17 of proc(5).
    user, system, late_user, late_system = map(int, (_read(stat).rpartition(")")[2].split()[11:15] or "0000"))
    if with_children:
        user, system = user + late_user, system + late_system
    return user / _TICKS_PER_S, system / _TICKS_PER_S


def peak_bytes(process: subprocess.Popen[bytes]) -> int:
    """The largest resident memory of each process so far, summed; pages that they share count once each."""
    kilobytes = 0
    for pid in _family(process.pid):
        lines = (line.split() for line in _read(f"/proc/{pid}/status").splitlines())
        kilobytes += sum(int(words[1]) for words in lines if words[0] == "VmHWM:")
    return kilobytes * 1024


def busy_s(core: int) -> float:
    """How long this core has worked for anybody, or was taken away by the machine below."""
    line = next(line for line in _read("/proc/stat").splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, line.split()[1:])
    return (user + nice + system + irq + softirq + steal) / _TICKS_PER_S


def _family(pid: int) -> list[int]:
    family = [pid]
    for member in family:
        for task in Path(f"/proc/{member}/task").glob("*/children"):
            family += map(int, _read(str(task)).split())
    return family


def _read(path: str) -> str:
    """Nothing where the process has just ended."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
