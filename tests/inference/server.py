"""The inference server: its installation, its model and its process."""

from __future__ import annotations

import fcntl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.house.project import uv
from tests.live.gateway import free_port

__all__ = ["installed", "serving"]

READY_WITHIN_S = 30.0
INSTALL_WITHIN_S = 600.0

_HERE = Path(__file__).parent
_BUILD = _HERE.parents[1] / "build" / "inference"


def installed() -> Path:
    """The Python of an environment with `requirements.txt`: made once, again when that file changes."""
    _BUILD.mkdir(parents=True, exist_ok=True)
    python, stamp = _BUILD / "venv" / "bin" / "python", _BUILD / "stamp"
    wanted = (_HERE / "requirements.txt").read_text()
    with (_BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (stamp.is_file() and stamp.read_text() == wanted):
            stamp.unlink(missing_ok=True)
            _run(uv(), "venv", "--quiet", "--clear", str(_BUILD / "venv"))
            _run(uv(), "pip", "install", "--quiet", "--python", str(python), "-r", str(_HERE / "requirements.txt"))
            stamp.write_text(wanted)
    return python


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The server's root URL, while the block lasts. Its log is `server.log` in the folder."""
    python, model, port = installed(), folder / "tiny.gguf", free_port()
    _run(str(python), str(_HERE / "model.py"), str(model))
    with (folder / "server.log").open("wb") as log:
        command = [str(python), str(_HERE / "serve.py"), str(model), str(port)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            _await_ready(process, f"http://127.0.0.1:{port}", folder / "server.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.communicate()


def _await_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(errors="replace")[-4000:]
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.05)
    raise AssertionError(f"not ready within {READY_WITHIN_S} s\n{log.read_text(errors='replace')[-4000:]}")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_WITHIN_S, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
