"""The real thing: `torouter serve` as a process of its own, on a free port, with a data directory of its own. All but
its imports, that is, which one process does for all (`nursery`).

    with Gateway(folder, channels=[...]) as gateway:
        gateway.url, gateway.key

Leaving the block sends SIGTERM and demands exit code 0 within seconds and a log without a traceback.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Self

from tests.live.nursery import Forked, fork
from tests.servers.prepared import copy_of_started

__all__ = ["FIRST_KEY", "Gateway", "free_port"]

FIRST_KEY = "sk-test-first-key-0123456789abcdef"

READY_WITHIN_S = 30.0
EXIT_WITHIN_S = 10.0

_COMMAND = str(Path(sys.executable).with_name("torouter"))

_PASSED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "COVERAGE_PROCESS_START")
"""All that a gateway under test takes from our environment: above all no provider's key and no proxy."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Gateway:
    """A gateway process. `channels` and `sections` (`server`, `upstream`, `limits` and so on) are the configuration
    file's; without any of them there is no such file, and the gateway serves its demo. `arguments` stand behind the
    command's own. `is_bare`: the command as a newcomer runs it, which imports and makes everything itself, for a second
    of reckoning."""

    def __init__(
        self,
        folder: Path,
        *,
        channels: Iterable[Mapping[str, object]] = (),
        workers: int = 1,
        environment: Mapping[str, str] | None = None,
        data: Path | None = None,
        arguments: Iterable[str] = (),
        is_bare: bool = False,
        **sections: Mapping[str, object] | None,
    ) -> None:
        self.folder = folder
        self.data = data or folder / "data"
        self.port = free_port()
        self.key = FIRST_KEY
        self.log = folder / "gateway.log"
        self._config = folder / "torouter.yaml"
        self._workers = workers
        self._environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        self._environment |= {"HOME": str(folder), "TOROUTER_FIRST_KEY": FIRST_KEY, "PYTHONWARNINGS": "default"}
        self._environment |= environment or {}
        told = {"channels": [dict(channel) for channel in channels], **sections}
        self._settings = {name: section for name, section in told.items() if section}
        self._arguments = tuple(arguments)
        self._is_bare = is_bare

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        code = self.stop()
        if failure is None:
            assert code == 0, f"the gateway exited with {code}\n{self.log_text()}"
            self.assert_clean_log()

    def start(self) -> None:
        self.begin()
        self.await_ready()

    def begin(self) -> None:
        """Without waiting until it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._is_bare and not self.data.exists():
            copy_of_started(self.data)
        arguments = [
            "serve", "--host", "127.0.0.1", "--port", str(self.port), "--data", str(self.data),
            "--workers", str(self._workers), *self._arguments,
        ]  # fmt: skip
        if self._settings:
            # JSON is YAML, and needs no writer that agrees with the gateway's reader.
            self._config.write_text(json.dumps(self._settings, indent=1), encoding="utf-8")
            arguments += ["--config", str(self._config)]
        with self.log.open("ab") as log:
            self._process = self._begun(arguments, log)

    def _begun(self, arguments: list[str], log: IO[bytes]) -> Forked | subprocess.Popen[bytes]:
        """Several workers are processes that the command starts by its own name; see also `is_bare`."""
        if self._workers == 1 and not self._is_bare:
            return fork(arguments, self._environment, self.folder, log, log)
        return subprocess.Popen(
            [_COMMAND, *arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment, cwd=self.folder,
        )  # fmt: skip

    def terminate(self) -> None:
        """Asks it to leave, without waiting."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self, within_s: float = EXIT_WITHIN_S) -> int:
        """The exit code; a gateway that does not leave in time is killed and that is an error."""
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no exit within {within_s} s of SIGTERM\n{self.log_text()}") from None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        if self._process.poll() is None:
            self.terminate()
        return self.wait()

    def log_text(self, last: int = 8000) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-last:]

    def assert_clean_log(self) -> None:
        text = self.log.read_text(encoding="utf-8", errors="replace")
        for sign in ("Traceback (most recent call last)", "ResourceWarning", "was never awaited", "never retrieved"):
            assert sign not in text, f"the gateway's log has {sign!r}:\n{text[-8000:]}"

    def run(self, *arguments: str) -> str:
        """Runs another `torouter` command on this gateway's data, and returns what it printed."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            code = fork([*arguments, "--data", str(self.data)], self._environment, self.folder, out, err).wait(60)
            printed, said = _read(out), _read(err)
        assert code == 0, f"torouter {' '.join(arguments)}: {code}\n{printed}{said}"
        return printed

    def resident_kb(self) -> int:
        """Memory of the process and its children that is in RAM, in kB."""
        return sum(_resident_kb(pid) for pid in (self.pid, *_children(self.pid)))

    def await_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            code = self._process.poll()
            assert code is None, f"the gateway left with {code} before it was ready\n{self.log_text()}"
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"not ready within {READY_WITHIN_S} s\n{self.log_text()}")


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _resident_kb(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)


def _children(pid: int) -> tuple[int, ...]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return tuple(int(child) for child in told)
