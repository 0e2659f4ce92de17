"""The three servers of a round: the upstream, nginx as a plain reverse proxy, and the gateway with everything on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import request
from bench.processes import Placement, running
from bench.programs import BenchError, Programs
from bench.rows import Target

__all__ = ["CHUNKS", "CHUNK_PACE_MS", "Layout", "Server", "serving"]

CHUNKS, CHUNK_PACE_MS = 100, 20
CHANNELS = ("up-a", "up-b")
_UPSTREAM_PORT, _NGINX_PORT, _GATEWAY_PORT = 9301, 9302, 9303
_START_S = 30.0

_NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 10000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  client_body_buffer_size 1m;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 2000; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer sk-upstream";
      proxy_buffering off;
    }}
  }}
}}
"""
_CHANNEL = """
  - name: {name}
    kind: openai
    base_url: http://127.0.0.1:{upstream}/v1
    api_key: sk-upstream
    dialects: [openai-chat]
    models: {{{model}: upstream-model, {closed}: upstream-model}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where everything runs: the target on one core, load and upstream on the other."""

    programs: Programs
    folder: Path
    target: Placement
    load: Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`process` is absent for the upstream when it is asked directly: its own time is not measured."""

    target: Target
    port: int
    key: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}

    def post(self, content: bytes, key: str | None = None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers with names in lower case, and body."""
        headers = self.headers | ({} if key is None else {"Authorization": f"Bearer {key}"})
        asked = urllib.request.Request(self._url(request.PATH), content, headers)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, _lowered(answer.headers.items()), answer.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, _lowered(refusal.headers.items()), refusal.read()

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self._url(path), timeout=10) as answer:
            return str(answer.read(), "utf-8")

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def _lowered(headers: list[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


@contextmanager
def serving(layout: Layout, data: Path) -> Iterator[dict[Target, Server]]:
    """All three, answering. `data` becomes the gateway's data directory. Raises `BenchError` if one does not start."""
    with ExitStack() as stack, (layout.folder / "servers.log").open("ab") as log:
        key = _make_key(data)
        upstream = [layout.programs.upstream, str(_UPSTREAM_PORT), str(CHUNKS), str(CHUNK_PACE_MS * 1000)]
        processes = {
            "direct": stack.enter_context(running(upstream, layout.load, log)),
            "nginx": stack.enter_context(running(_nginx(layout), layout.target, log)),
            "torouter": stack.enter_context(running(_gateway(layout, data), layout.target, log, _environment())),
        }
        servers: dict[Target, Server] = {
            "direct": Server(target="direct", port=_UPSTREAM_PORT, key=key),
            "nginx": Server(target="nginx", port=_NGINX_PORT, key=key, process=processes["nginx"]),
            "torouter": Server(target="torouter", port=_GATEWAY_PORT, key=key, process=processes["torouter"]),
        }
        for name, server in servers.items():
            _await_answer(server, processes[name], layout.folder / "servers.log")
        yield servers


def _nginx(layout: Layout) -> list[str]:
    file = layout.folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=layout.folder, upstream=_UPSTREAM_PORT, port=_NGINX_PORT))
    return [layout.programs.nginx, "-e", "stderr", "-p", str(layout.folder), "-c", str(file)]


def _gateway(layout: Layout, data: Path) -> list[str]:
    file = layout.folder / "torouter.yaml"
    names = {"upstream": _UPSTREAM_PORT, "model": request.MODEL, "closed": request.CLOSED_MODEL}
    file.write_text("channels:" + "".join(_CHANNEL.format(name=name, **names) for name in CHANNELS))
    options = {"--host": "127.0.0.1", "--port": str(_GATEWAY_PORT), "--data": str(data), "--config": str(file)}
    return [*_torouter("serve"), *(word for option in options.items() for word in option)]


def _make_key(data: Path) -> str:
    """A key with a list of models, made as an operator makes it."""
    command = [*_torouter("key", "create"), "--name", "bench", "--models", request.MODEL, "--data", str(data)]
    made = subprocess.run(command, env=_environment(), capture_output=True, text=True)
    if made.returncode:
        raise BenchError(f"no key could be made: {made.stderr.strip()}")
    return made.stdout.strip()


def _torouter(*words: str) -> list[str]:
    return [sys.executable, "-m", "torouter", *words]


def _environment() -> dict[str, str]:
    """Without settings and providers' keys of whoever runs this: only the file counts; nothing leaves the machine."""
    ours = re.compile(r"TOROUTER_.*|.*_API_KEY|.*_(?:proxy|PROXY)")
    return {name: value for name, value in os.environ.items() if not ours.fullmatch(name)}


def _await_answer(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            status, _, answer = server.post(request.body())
        except OSError:
            time.sleep(0.02)
            continue
        # Something else may hold the port.
        time.sleep(0.1)
        if status == 200 and b'"choices"' in answer and process.poll() is None:
            return
        break
    told = log.read_text(errors="replace").strip().splitlines()[-5:]
    raise BenchError("\n".join([f"{server.target} does not answer on port {server.port}.", *told]))
