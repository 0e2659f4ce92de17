"""The raw rows of a run, as they stand in `results/*.jsonl`: one object a line, told apart by `row`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

__all__ = ["TARGETS", "Machine", "Measurement", "Proof", "Row", "Suite", "Target", "read_rows", "write_rows"]

Suite: TypeAlias = Literal["json", "latency", "stream"]
Target: TypeAlias = Literal["direct", "nginx", "torouter"]
"""`direct`: the load asks the upstream itself."""
TARGETS: tuple[Target, ...] = ("nginx", "torouter")


class Machine(msgspec.Struct, frozen=True, kw_only=True, tag_field="row", tag="machine"):
    """What was measured, and on what. `versions` by name; `options` as they were in force."""

    at: str
    cpu: str
    cores: int
    memory_mb: int
    kernel: str
    python: str
    scheduling: str
    versions: dict[str, str]
    options: dict[str, int]


class Measurement(msgspec.Struct, frozen=True, kw_only=True, tag_field="row", tag="measurement"):
    """One target under one load for a few seconds.

    `level`: connections or streams. `count`: whole answers (json, latency) or server-sent events (stream) in `seconds`.
    `cpu_s`: user and system time of the target's processes meanwhile; absent for the upstream itself. Of it, `system_s`
    was spent within the kernel, and `side_s` by threads beside the first one. `peak_bytes`:
    resident memory, the largest of this process' life until then. `others_share`: the part of the target's core that
    other processes took. `p50_us` is of whole answers; `first_byte_us` the median wait of streams for their first byte.
    """

    round: int
    suite: Suite
    target: Target
    level: int
    count: int
    failed: int
    seconds: float
    p50_us: float
    p99_us: float | None = None
    first_byte_us: float | None = None
    ended: int | None = None
    cpu_s: float | None = None
    system_s: float | None = None
    side_s: float | None = None
    peak_bytes: int | None = None
    others_share: float | None = None

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU time for one request, or one event of a stream, in microseconds."""
        assert self.cpu_s is not None, "the upstream's own time is not measured"
        return self.cpu_s * 1e6 / self.count


class Proof(msgspec.Struct, frozen=True, kw_only=True, tag_field="row", tag="proof"):
    """That everything was on in this round: what the gateway's own store and metrics say of it, after its end."""

    round: int
    requests_loaded: int
    """Answers that the load received."""
    requests_metered: int
    """What `GET /metrics` counted."""
    usage_rows: dict[str, int]
    """Rows in the store with the outcome `ok`, by channel."""
    tokens: int


Row: TypeAlias = Machine | Measurement | Proof

_DECODER = msgspec.json.Decoder(Row)


def read_rows(path: Path) -> list[Row]:
    return [_DECODER.decode(line) for line in path.read_bytes().splitlines()]


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
