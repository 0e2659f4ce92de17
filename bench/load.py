"""The two loads: wrk for whole answers, and our own client for streams that keep a pace."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench import request
from bench.programs import BenchError
from bench.servers import CHUNK_PACE_MS, CHUNKS, Layout, Server

__all__ = ["StreamLoad", "WholeLoad", "load_streams", "load_whole", "read_wrk"]

_SPARE_S = 30
_UNITS_US = {"us": 1.0, "ms": 1e3, "s": 1e6}


class WholeLoad(msgspec.Struct, frozen=True, kw_only=True):
    """`count` good answers in `seconds`, and the percentiles of their latency."""

    count: int
    failed: int
    seconds: float
    p50_us: float
    p99_us: float


class StreamLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What `c/streams.c` tells; its head explains the fields."""

    seconds: float
    events: int
    ended: int
    failed: int
    first_byte_us: float
    whole_us: float


def load_whole(layout: Layout, server: Server, connections: int, seconds: int) -> WholeLoad:
    """Each connection sends its next request when it has the answer."""
    with tempfile.TemporaryDirectory(dir=layout.folder) as folder:
        script = Path(folder) / "request.lua"
        script.write_text(_lua(server))
        command = [layout.programs.wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
        url = f"http://127.0.0.1:{server.port}{request.PATH}"
        with _started([*command, "-s", str(script), url], layout) as wrk:
            told, _ = wrk.communicate(timeout=seconds + _SPARE_S)
    return read_wrk(told)


def load_streams(
    layout: Layout, server: Server, streams: int, seconds: int, at_window: Callable[[], None]
) -> StreamLoad:
    """`at_window` is called when all streams run and counting starts."""
    with tempfile.TemporaryDirectory(dir=layout.folder) as folder:
        file = Path(folder) / "request"
        file.write_bytes(request.raw(server.port, server.headers, is_stream=True))
        ramp_ms = CHUNKS * CHUNK_PACE_MS
        words = [str(server.port), str(file), str(streams), str(ramp_ms), str(seconds * 1000)]
        with _started([layout.programs.streams, *words], layout) as client:
            assert client.stdout is not None
            if client.stdout.readline() == "window\n":
                at_window()
            told, faults = client.communicate(timeout=seconds + _SPARE_S)
    if client.returncode:
        raise BenchError(f"the stream load on {server.target} failed: {faults.strip()}")
    return msgspec.json.decode(told, type=StreamLoad)


def _started(command: list[str], layout: Layout) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=layout.load)


def _lua(server: Server) -> str:
    lines = ['wrk.method = "POST"', f"wrk.body = [==[{request.body().decode()}]==]"]
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in server.headers.items()]
    return "\n".join(lines)


def read_wrk(told: str) -> WholeLoad:
    requests = re.search(r"(\d+) requests in ", told)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    if requests is None or rate is None or not float(rate[1]):
        raise BenchError(f"wrk counted no requests: {told.strip()}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", told)
    failed = (int(refused[1]) if refused else 0) + (sum(map(int, broken.groups())) if broken else 0)
    return WholeLoad(
        count=int(requests[1]),
        failed=failed,
        # More exact than the duration, which wrk rounds.
        seconds=int(requests[1]) / float(rate[1]),
        p50_us=_percentile(told, "50"),
        p99_us=_percentile(told, "99"),
    )


def _percentile(told: str, percent: str) -> float:
    found = re.search(rf"\s{percent}%\s+([\d.]+)(us|ms|s)\b", told)
    if found is None:
        raise BenchError(f"wrk gave no percentile {percent}: {told.strip()}")
    return float(found[1]) * _UNITS_US[found[2]]
