"""From raw rows to the table of README.md: medians over the rounds, and ratios taken within each round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from bench.rows import TARGETS, Machine, Measurement, Proof, Row, Suite, Target
from bench.suites import CONNECTIONS, QUIET_SHARE, STREAMS

__all__ = ["COSTS", "LINES", "Line", "render", "render_costs", "render_machine", "turns"]

Turn: TypeAlias = dict[Target, Measurement]
"""What the targets did under one load in one round."""
_FEW, _MANY = STREAMS


def _cpu_us(turn: Turn, target: Target) -> float:
    return turn[target].cpu_us


def _system_us(turn: Turn, target: Target) -> float:
    return (turn[target].system_s or 0) * 1e6 / turn[target].count


def _side_us(turn: Turn, target: Target) -> float:
    return (turn[target].side_s or 0) * 1e6 / turn[target].count


def _per_second(turn: Turn, target: Target) -> float:
    return turn[target].per_second


def _median_ms(turn: Turn, target: Target) -> float:
    return turn[target].p50_us / 1000


def _added_ms(turn: Turn, target: Target) -> float:
    return (turn[target].p50_us - turn["direct"].p50_us) / 1000


def _first_byte_ms(turn: Turn, target: Target) -> float:
    return (turn[target].first_byte_us or 0) / 1000


def _peak_mb(turn: Turn, target: Target) -> float:
    return (turn[target].peak_bytes or 0) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the table. `is_met` is told ToRouter's ratio to nginx and ToRouter's own figure, both medians."""

    label: str
    suite: Suite
    level: int
    figure: Callable[[Turn, Target], float]
    form: str
    bar: str = ""
    is_met: Callable[[float, float], bool] | None = None


LINES = (
    Line(
        label=f"JSON, {CONNECTIONS} connections: CPU µs per request",
        suite="json",
        level=CONNECTIONS,
        figure=_cpu_us,
        form="{:.1f}",
        bar="≤ 2.5 × nginx",
        is_met=lambda ratio, ours: ratio <= 2.5,
    ),
    Line(
        label=f"JSON, {CONNECTIONS} connections: requests/s on one core",
        suite="json",
        level=CONNECTIONS,
        figure=_per_second,
        form="{:,.0f}",
    ),
    Line(
        label="JSON, 1 connection: median added to the upstream's own, ms",
        suite="latency",
        level=1,
        figure=_added_ms,
        form="{:.3f}",
        bar="< 0.5 ms",
        is_met=lambda ratio, ours: ours < 0.5,
    ),
    Line(
        label=f"{_FEW:,} streams: CPU µs per chunk",
        suite="stream",
        level=_FEW,
        figure=_cpu_us,
        form="{:.1f}",
        bar="≤ 1.75 × nginx",
        is_met=lambda ratio, ours: ratio <= 1.75,
    ),
    Line(
        label=f"{_FEW:,} streams: first byte after ms",
        suite="stream",
        level=_FEW,
        figure=_first_byte_ms,
        form="{:.2f}",
    ),
    Line(
        label=f"{_MANY:,} streams: CPU µs per chunk",
        suite="stream",
        level=_MANY,
        figure=_cpu_us,
        form="{:.1f}",
    ),
    Line(
        label=f"{_MANY:,} streams: chunks/s",
        suite="stream",
        level=_MANY,
        figure=_per_second,
        form="{:,.0f}",
        bar="≥ 0.9 × nginx",
        is_met=lambda ratio, ours: ratio >= 0.9,
    ),
    Line(
        label=f"{_MANY:,} streams: peak memory, MB",
        suite="stream",
        level=_MANY,
        figure=_peak_mb,
        form="{:.0f}",
        bar="< 150 MB",
        is_met=lambda ratio, ours: ours < 150,
    ),
)

_LOADS: tuple[tuple[str, Suite, int], ...] = (
    ("JSON request", "json", CONNECTIONS),
    (f"chunk, {_FEW:,} streams", "stream", _FEW),
    (f"chunk, {_MANY:,} streams", "stream", _MANY),
)
_PARTS = (
    ("all of it", _cpu_us),
    ("within the kernel (sockets, polling, the store's file)", _system_us),
    ("in threads beside the event loop's (usage rows into the store)", _side_us),
)
COSTS = tuple(
    Line(label=f"{load}: {part}", suite=suite, level=level, figure=figure, form="{:.1f}")
    for load, suite, level in _LOADS
    for part, figure in _PARTS
)
"""Where the CPU time goes. The parts overlap: the store's thread works within the kernel too."""


def turns(rows: Sequence[Row], suite: Suite, level: int) -> list[Turn]:
    """One per round, in order."""
    found: dict[int, Turn] = {}
    for row in rows:
        if isinstance(row, Measurement) and (row.suite, row.level) == (suite, level):
            found.setdefault(row.round, {})[row.target] = row
    return [found[number] for number in sorted(found)]


def render(rows: Sequence[Row]) -> str:
    """The table and what was counted beside it. Suites that did not run are left out."""
    head = "| | nginx | ToRouter | ToRouter : nginx | bar | met |\n|---|--:|--:|--:|--:|:-:|"
    body = [_render_line(line, found) for line in LINES if (found := turns(rows, line.suite, line.level))]
    return "\n".join([head, *body, "", *_notes(rows)])


def render_costs(rows: Sequence[Row]) -> str:
    """A second table: CPU µs by where they were spent."""
    head = "| CPU µs | nginx | ToRouter |\n|---|--:|--:|"
    found = ((line, turns(rows, line.suite, line.level)) for line in COSTS)
    body = [f"| {line.label} | {' | '.join(_medians(line, there))} |" for line, there in found if there]
    return "\n".join([head, *body])


def render_machine(machine: Machine) -> str:
    """A list: when, on what, with which versions."""
    return "\n".join(
        [
            f"- {machine.at}; {_listed(machine.options)}; scheduling {machine.scheduling}",
            f"- {machine.cpu}, {machine.cores} cores, {machine.memory_mb:,} MiB; Linux {machine.kernel}",
            f"- {machine.python}",
            f"- {_listed(machine.versions)}",
        ]
    )


def _render_line(line: Line, found: list[Turn]) -> str:
    ratios = [line.figure(turn, "torouter") / line.figure(turn, "nginx") for turn in found]
    ours = median(line.figure(turn, "torouter") for turn in found)
    cells = [
        line.label,
        *_medians(line, found),
        f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})",
        line.bar,
        _met(line, median(ratios), ours),
    ]
    return f"| {' | '.join(cells)} |"


def _medians(line: Line, found: list[Turn]) -> list[str]:
    return [line.form.format(median(line.figure(turn, target) for turn in found)) for target in TARGETS]


def _met(line: Line, ratio: float, ours: float) -> str:
    if line.is_met is None:
        return ""
    return "yes" if line.is_met(ratio, ours) else "**no**"


def _notes(rows: Sequence[Row]) -> Iterator[str]:
    if latency := turns(rows, "latency", 1):
        direct, through = (median(_median_ms(turn, target) for turn in latency) for target in ("direct", "torouter"))
        yield f"Median at 1 connection: {direct:.3f} ms from the upstream itself, {through:.3f} ms through ToRouter."
    loads = [row for row in rows if isinstance(row, Measurement)]
    failed = {target: sum(row.failed for row in loads if row.target == target) for target in TARGETS}
    yield f"Failed requests: nginx {failed['nginx']:,}, ToRouter {failed['torouter']:,}."
    watched = [row.others_share for row in loads if row.others_share is not None]
    disturbed = [share for share in watched if share > QUIET_SHARE]
    yield (
        f"Measurements in which other processes had more than {QUIET_SHARE:.0%} of the target's core: "
        f"{len(disturbed)} of {len(watched)}."
    )
    proofs = [row for row in rows if isinstance(row, Proof)]
    yield (
        f"Of ToRouter's answers the load counted {sum(proof.requests_loaded for proof in proofs):,}; the store has "
        f"{sum(sum(proof.usage_rows.values()) for proof in proofs):,} usage rows (warm-up included), the metrics "
        f"{sum(proof.tokens for proof in proofs):,} tokens."
    )


def _listed(things: dict[str, str] | dict[str, int]) -> str:
    return ", ".join(f"{name} {thing}" for name, thing in things.items())
