"""A real PostgreSQL server of a run's own: its programs come in the wheel `pgserver`, its data lives in a temporary
directory, and it listens on a free port of this machine and on a socket in that directory."""

from __future__ import annotations

import atexit
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import pg8000.native

from torouter.units import Secret

__all__ = ["PostgresServer", "running_server"]

USER = "torouter"
_UNPRIVILEGED = "nobody"
_READY_S = 30.0


class PostgresServer:
    """PostgreSQL refuses to run as root: then it runs as `nobody`, in a directory that is given to that user."""

    def __init__(self, settings: Sequence[str] = ("fsync=off", "full_page_writes=off")) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="torouter-pg-", dir="/tmp"))
        self.password = secrets.token_urlsafe(12)
        self.port = _free_port()
        self._settings = settings
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._identity = _unprivileged() if os.geteuid() == 0 else {}
        if self._identity:
            shutil.chown(self.directory, self._identity["user"], self._identity["group"])
        self._programs = self._reachable_programs()
        atexit.register(self.remove)
        self._initialise()

    def start(self) -> None:
        listens = ("listen_addresses=127.0.0.1", f"unix_socket_directories={self.directory}", f"port={self.port}")
        options = [word for setting in (*listens, "shared_buffers=128MB", *self._settings) for word in ("-c", setting)]
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self.directory / "data", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.directory,
            **self._identity,
        )
        self._wait_until_ready()

    def stop(self) -> None:
        """As an operator stops it: connections are ended, and told so."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[Secret]:
        """The URL of a database of its own."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield Secret(self.url(name))
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, *statements: str, database: str = "postgres") -> list[list[Any]]:
        """What the last one returns. None of them in a transaction."""
        connection = pg8000.native.Connection(
            USER, host="127.0.0.1", port=self.port, password=self.password, database=database, ssl_context=False
        )
        try:
            rows: list[list[Any]] = []
            for statement in statements:
                rows = connection.run(statement) or []
            return rows
        finally:
            connection.close()

    def _initialise(self) -> None:
        words = self.directory / "password"
        words.write_text(self.password)
        arguments = ["-U", USER, "--auth=scram-sha-256", f"--pwfile={words}", "--encoding=UTF8", "--locale=C"]
        done = subprocess.run(
            [self._programs / "initdb", "-D", self.directory / "data", "--no-sync", *arguments],
            cwd=self.directory,
            capture_output=True,
            text=True,
            **self._identity,
        )
        assert done.returncode == 0, done.stderr

    def _reachable_programs(self) -> Path:
        """Where they were installed, or a copy if the other user may not go there."""
        spec = find_spec("pgserver")
        assert spec is not None
        assert spec.origin is not None
        installed = Path(spec.origin).parent / "pginstall"
        with suppress(PermissionError):
            subprocess.run(
                [installed / "bin" / "postgres", "--version"], capture_output=True, check=True, **self._identity
            )
            return installed / "bin"
        shutil.copytree(installed, self.directory / "installed")
        return self.directory / "installed" / "bin"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, "PostgreSQL has ended"
            with suppress(pg8000.native.InterfaceError, pg8000.native.DatabaseError):
                self.execute("SELECT 1")
                return
            time.sleep(0.02)
        raise AssertionError("PostgreSQL is not ready")


@cache
def running_server() -> PostgresServer:
    """One for the whole run, started when it is first needed."""
    server = PostgresServer()
    server.start()
    return server


def _unprivileged() -> dict[str, Any]:
    entry = pwd.getpwnam(_UNPRIVILEGED)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
