"""Gateways that are started in a fraction of a second: forked from a process that has imported all of it already.

They are killed and started again by the dozen, and a start's own work is a small part of what it takes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.live.gateway import FIRST_KEY, free_port
from tests.live.wire import Connection

__all__ = ["Nursery"]

_SCRIPT = """
import os, sys
import torouter.app
from torouter.cli import main

for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            sys.argv = ["torouter", *sys.argv[1:]]
            main()
        except SystemExit as end:
            os._exit(end.code or 0)
        finally:
            os._exit(70)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Nursery:
    """One gateway at a time, always on the same data and port."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self.data = folder / "data"
        self.port = free_port()
        self.log = folder / "gateway.log"
        config = folder / "torouter.yaml"
        config.write_text(json.dumps(settings), encoding="utf-8")
        self._arguments = ["serve", "--port", str(self.port), "--data", str(self.data), "--config", str(config)]
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TOROUTER_FIRST_KEY": FIRST_KEY}
        self._pid = 0

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SCRIPT, *self._arguments],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=self._environment, text=True,
            )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        if self._pid:
            self.kill()
        self._process.communicate(timeout=10)

    def start(self) -> None:
        """Without waiting until it is ready."""
        assert self._process.stdin is not None
        print("start", file=self._process.stdin, flush=True)
        self._pid = self._said()

    def await_ready(self) -> None:
        deadline = time.monotonic() + 30
        while not self._is_ready():
            assert time.monotonic() < deadline, self.log_text()
            time.sleep(0.01)

    def kill(self) -> None:
        assert self._end(signal.SIGKILL) == -signal.SIGKILL, self.log_text()

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-8000:]

    def _end(self, number: signal.Signals) -> int:
        os.kill(self._pid, number)
        self._pid = 0
        return self._said()

    def _is_ready(self) -> bool:
        try:
            with Connection(self.port, timeout_s=5) as connection:
                return connection.ask("GET", "/readyz").status == 200
        except OSError:
            return False

    def _said(self) -> int:
        """What a gateway announces is no number."""
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.strip().removeprefix("-").isdigit():
                return int(line)
        raise AssertionError(self.log_text())
