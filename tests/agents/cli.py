"""Runs an agent's command line in a room of its own: an empty home, its own temporary folder, nothing inherited."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Outcome", "Room"]

AGENT_WITHIN_S = 90.0


@dataclass(frozen=True, slots=True)
class Outcome:
    exit_code: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return f"exit code {self.exit_code}\n--- stdout\n{self.stdout[-4000:]}\n--- stderr\n{self.stderr[-4000:]}"


class Room:
    """Three empty folders under one: `home`, `work` (where the agent runs) and `tmp`."""

    def __init__(self, folder: Path) -> None:
        self.home, self.work, self._tmp = (folder / name for name in ("home", "work", "tmp"))
        for path in (self.home, self.work, self._tmp):
            path.mkdir(parents=True)

    async def run(self, command: Sequence[str], environment: Mapping[str, str]) -> Outcome:
        """The environment is PATH, HOME, TMPDIR and what is given; stdin is empty. Kills the agent, with whatever it
        started, when it has not ended within `AGENT_WITHIN_S`."""
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.work,
            env=self._environment(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        timed_out = ""
        try:
            async with asyncio.timeout(AGENT_WITHIN_S):
                stdout, stderr = await process.communicate()
        except TimeoutError:
            timed_out = f"\nkilled after {AGENT_WITHIN_S} s"
            _kill_group(process.pid)
            stdout, stderr = await process.communicate()
        finally:
            _kill_group(process.pid)
        assert process.returncode is not None
        return Outcome(process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace") + timed_out)

    async def sit_at(self, command: Sequence[str], environment: Mapping[str, str], *, until: Callable[[], bool]) -> str:
        """Starts the agent at a terminal, as a person would, and leaves it to itself until the condition holds or
        `AGENT_WITHIN_S` are over; then it is killed. Returns what stood on the screen."""
        screen = bytearray()
        ours, theirs = pty.openpty()
        os.set_blocking(ours, False)
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, _read_screen, ours, screen)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self.work,
                env=self._environment({"TERM": "xterm", **environment}),
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            )
            deadline = loop.time() + AGENT_WITHIN_S
            while process.returncode is None and loop.time() < deadline and not until():
                await asyncio.sleep(0.05)
            _kill_group(process.pid)
            await process.wait()
        finally:
            loop.remove_reader(ours)
            os.close(ours)
            os.close(theirs)
        return screen.decode(errors="replace")

    def _environment(self, given: Mapping[str, str]) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "TMPDIR": str(self._tmp), **given}


def _read_screen(terminal: int, screen: bytearray) -> None:
    try:
        screen += os.read(terminal, 65536)
    except OSError:
        pass  # nobody is at the other end any more


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass  # all gone already, as it should be
