"""A process that has imported all that `torouter serve` is made of, and forks: what it starts does, from its first line
on, what the command does, and is there in a fraction of the time.

A run starts some hundreds of gateways and other commands, and what they import is the greater part of a start.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from io import FileIO
from pathlib import Path
from typing import IO, Final

__all__ = ["Forked", "fork"]

_SCRIPT: Final = """
import json, os, signal, socket, sys
import torouter.app
from torouter.cli import main

door = socket.socket(fileno=int(sys.argv[1]))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who mind a command
while True:
    told, handed, _, _ = socket.recv_fds(door, 1 << 20, 3)
    if not told:
        os._exit(0)
    out, err, news = handed
    if os.fork():
        for each in handed:
            os.close(each)
        continue
    door.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if child := os.fork():
        os.write(news, b"%d\\n" % child)
        os.write(news, b"%d\\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        os._exit(0)
    break

wanted = json.loads(told)
os.dup2(out, 1)
os.dup2(err, 2)
for each in handed:
    os.close(each)
os.chdir(wanted["folder"])
os.environ.clear()
os.environ.update(wanted["environment"])
sys.argv = ["torouter", *wanted["arguments"]]
main()
"""


class Forked:
    """A running command, with what `subprocess.Popen` knows of one. `news` says its exit code when it has ended."""

    def __init__(self, arguments: Sequence[str], pid: int, news: FileIO) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._arguments = arguments
        self._news = news

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Raises `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            if not select.select([self._news], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(list(self._arguments), timeout or 0.0)
            self.returncode = int(self._news.readline())
            self._news.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def fork(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: IO[bytes], err: IO[bytes]
) -> Forked:
    """`torouter` with these arguments, in this folder. `out` and `err` are files for what it prints."""
    wanted = {"arguments": list(arguments), "environment": dict(environment), "folder": str(folder)}
    reading, writing = os.pipe()
    try:
        socket.send_fds(_door(), [json.dumps(wanted).encode()], [out.fileno(), err.fileno(), writing])
    finally:
        os.close(writing)
    news = FileIO(reading)
    return Forked(arguments, int(news.readline()), news)


@cache
def _door() -> socket.socket:
    """By which the one process of this run is told what to start. What that has started outlives it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, str(theirs.fileno())],
            stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "PYTHONWARNINGS": "default"},
            pass_fds=[theirs.fileno()],
        )  # fmt: skip

    @atexit.register
    def close() -> None:
        ours.close()
        process.wait(10)

    return ours
