"""A gateway started by a command, known only by what it prints: its address, its first key, and the calls to try."""

from __future__ import annotations

import os
import queue
import re
import shlex
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["Call", "Served", "calls_in"]

EXIT_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Call:
    """A printed `curl` command. Parsed rather than run, so that curl need not be installed."""

    url: str
    headers: dict[str, str]
    body: bytes

    @classmethod
    def parse(cls, command: str) -> Self:
        words = iter(shlex.split(command.replace("\\\n", " "))[1:])
        url, headers, body = "", {}, b""
        for word in words:
            if word == "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            elif word == "-d":
                body = next(words).encode()
            else:
                assert word.startswith("http"), f"a newcomer's curl has no {word}"
                url = word
        return cls(url, headers, body)

    def answer(self) -> str:
        request = urllib.request.Request(self.url, self.body, self.headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            assert response.status == 200
            assert response.headers["x-request-id"]
            body: bytes = response.read()
        return body.decode()


def calls_in(text: str) -> list[Call]:
    """Every complete `curl` command of a text, with its continued lines."""
    commands = re.findall(r"^[ \t]*(curl (?:.*\\\n)*.*[^\\\n])\n", text, flags=re.MULTILINE)
    return [Call.parse(command) for command in commands]


class Served:
    """Runs a command that serves until the block is left. `printed` is its stdout so far."""

    def __init__(self, command: Sequence[str | Path], *, cwd: Path, environment: dict[str, str]) -> None:
        self.printed = ""
        self._log = cwd / "served.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as printed:
            for line in printed:
                self._lines.put(line)
        self._lines.put("")

    def expect(self, pattern: str, within_s: float) -> str:
        """Waits until what was printed holds this; gives the pattern's first group."""
        deadline = time.monotonic() + within_s
        while (found := re.search(pattern, self.printed)) is None:
            self._wait_for_more(deadline, pattern)
        return found[1]

    def expect_calls(self, count: int, within_s: float = 10.0) -> list[Call]:
        deadline = time.monotonic() + within_s
        while len(calls := calls_in(self.printed)) < count:
            self._wait_for_more(deadline, f"{count} curl commands")
        return calls

    def _wait_for_more(self, deadline: float, wanted: str) -> None:
        try:
            line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            line = ""
        assert line, f"waited for {wanted}; printed were\n{self.printed}\nand in the log\n{self._log.read_text()}"
        self.printed += line

    def stop(self) -> int:
        """Asks it to end, as a service manager would, and gives its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(EXIT_WITHIN_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)  # setting up has children: pip, uv
            self._process.wait()
        self._reader.join(EXIT_WITHIN_S)
        assert "Traceback" not in self._log.read_text(), self._log.read_text()
