"""What is measured in a round. In each suite the targets take turns within seconds, and every other round backwards:
a machine that changes its speed changes it for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from bench.load import load_streams, load_whole
from bench.processes import Spent, busy_s, peak_bytes, spent
from bench.programs import BenchError
from bench.rows import TARGETS, Measurement, Target
from bench.servers import Layout, Server

__all__ = ["CONNECTIONS", "QUIET_SHARE", "STREAMS", "SUITES", "Round"]

CONNECTIONS = 64
STREAMS = (200, 1000)
_WARM_S = 1
# What a load causes after its end belongs to it: the gateway stores usage a few times a second.
_SETTLE_S = 0.6
# Above this share of the target's core in other hands a measurement is taken again, at most so often.
QUIET_SHARE = 0.08
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    number: int
    seconds: int
    layout: Layout
    servers: dict[Target, Server]

    def turns(self, targets: Sequence[Target]) -> Sequence[Target]:
        return targets[::-1] if self.number % 2 else targets

    def warm(self) -> None:
        for target in TARGETS:
            load_whole(self.layout, self.servers[target], CONNECTIONS, _WARM_S)


class _Watch:
    """What a target and its core spend from `start` to `stop`."""

    def __init__(self, layout: Layout, server: Server) -> None:
        assert server.process is not None
        self._process, self._core = server.process, layout.target.core
        self.start()

    def start(self) -> None:
        self._before = spent(self._process), busy_s(self._core), time.monotonic()

    def stop(self) -> tuple[Spent, float]:
        """What the target spent, and the share of its core that others had."""
        before, busy, at = self._before
        own, all_of_it = spent(self._process).since(before), busy_s(self._core) - busy
        return own, max(0.0, (all_of_it - own.cpu_s) / (time.monotonic() - at))


def json_suite(this: Round) -> Iterator[Measurement]:
    """Whole answers, 64 connections back to back."""
    for target in this.turns(TARGETS):
        yield _quietest(partial(_whole, this, target))


def latency_suite(this: Round) -> Iterator[Measurement]:
    """One connection: what a request waits for, the upstream asked directly for comparison."""
    for target in this.turns(("direct", *TARGETS)):
        yield _quietest(partial(_alone, this, target))


def stream_suite(this: Round) -> Iterator[Measurement]:
    """Streams that keep their pace: 200, which leave the core room, and 1,000, which fill it."""
    for streams in STREAMS:
        for target in this.turns(TARGETS):
            yield _quietest(partial(_streamed, this, target, streams))


SUITES: dict[str, Callable[[Round], Iterator[Measurement]]] = {
    "json": json_suite,
    "latency": latency_suite,
    "stream": stream_suite,
}


def _alone(this: Round, target: Target) -> Measurement:
    server = this.servers[target]
    watch = None if server.process is None else _Watch(this.layout, server)
    load = load_whole(this.layout, server, 1, this.seconds)
    return Measurement(
        round=this.number,
        suite="latency",
        target=target,
        level=1,
        count=load.count,
        failed=load.failed,
        seconds=load.seconds,
        p50_us=load.p50_us,
        p99_us=load.p99_us,
        others_share=None if watch is None else watch.stop()[1],
    )


def _whole(this: Round, target: Target) -> Measurement:
    server = this.servers[target]
    watch = _Watch(this.layout, server)
    load = load_whole(this.layout, server, CONNECTIONS, this.seconds)
    time.sleep(_SETTLE_S)
    own, others_share = watch.stop()
    return Measurement(
        round=this.number,
        suite="json",
        target=target,
        level=CONNECTIONS,
        count=load.count,
        failed=load.failed,
        seconds=load.seconds,
        p50_us=load.p50_us,
        p99_us=load.p99_us,
        cpu_s=own.cpu_s,
        system_s=own.system_s,
        side_s=own.side_s,
        others_share=others_share,
        peak_bytes=_peak(server),
    )


def _streamed(this: Round, target: Target, streams: int) -> Measurement:
    server = this.servers[target]
    watch = _Watch(this.layout, server)
    load = load_streams(this.layout, server, streams, this.seconds, watch.start)
    own, others_share = watch.stop()
    if not load.events:
        raise BenchError(f"no chunk came through {target} at {streams} streams")
    return Measurement(
        round=this.number,
        suite="stream",
        target=target,
        level=streams,
        count=load.events,
        failed=load.failed,
        seconds=load.seconds,
        p50_us=load.whole_us,
        first_byte_us=load.first_byte_us,
        ended=load.ended,
        cpu_s=own.cpu_s,
        system_s=own.system_s,
        side_s=own.side_s,
        others_share=others_share,
        peak_bytes=_peak(server),
    )


def _peak(server: Server) -> int:
    assert server.process is not None
    return peak_bytes(server.process)


def _quietest(measure: Callable[[], Measurement]) -> Measurement:
    """The measurement that others disturbed least, taken again while they disturb it."""
    best = measure()
    for _ in range(_TRIES - 1):
        if (best.others_share or 0) <= QUIET_SHARE:
            break
        best = min(best, measure(), key=lambda taken: taken.others_share or 0)
    return best
