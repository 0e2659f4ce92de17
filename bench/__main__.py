"""`python -m bench`: measure, show the table, keep the raw rows."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from bench.document import FOLDER, write_part
from bench.machine import describe
from bench.processes import Placement
from bench.programs import BenchError, find_programs
from bench.proof import check_guards, prove, read_metrics
from bench.rows import Machine, Measurement, Row, read_rows, write_rows
from bench.servers import Layout, serving
from bench.suites import SUITES, Round
from bench.table import render, render_costs, render_machine

# Above the processes under load: whoever reads the clocks may not wait for them.
_PRIORITY = 20


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, _leave)
    try:
        if options.again:
            _show(read_rows(options.again))
        else:
            _measure_all(options)
    except BenchError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=_positive, default=5, help="each starts the servers anew [5]")
    parser.add_argument("--seconds", type=_positive, default=4, help="of each measurement; whole seconds [4]")
    parser.add_argument("--only", choices=SUITES, help="one suite instead of all")
    parser.add_argument(
        "--scheduling",
        choices=["auto", "fifo", "normal"],
        default="auto",
        help="fifo: before everything else on the machine, as `chrt -f` does; auto: fifo for root [auto]",
    )
    parser.add_argument("--write", action="store_true", help="keep the rows in bench/results and renew README's table")
    parser.add_argument("--again", type=Path, metavar="FILE", help="measure nothing; show the table of these rows")
    options = parser.parse_args()
    if options.write and (options.only or options.again):
        parser.error("--write takes a whole run: without --only and --again")
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _measure_all(options: argparse.Namespace) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchError("two cores are needed: one for the gateway, one for load and upstream")
    is_first = options.scheduling == "fifo" or (options.scheduling == "auto" and os.geteuid() == 0)
    target, load = Placement(cores[0], is_first), Placement(cores[1], is_first)
    _stand_beside_the_load(load)
    with tempfile.TemporaryDirectory(prefix="torouter-bench-") as folder:
        layout = Layout(programs=find_programs(Path(folder)), folder=Path(folder), target=target, load=load)
        numbers = {"rounds": options.rounds, "seconds": options.seconds}
        rows: list[Row] = [describe(layout.programs, "fifo" if is_first else "normal", numbers)]
        for number in range(options.rounds):
            rows += _measure_round(number, options, layout)
    _keep(rows, options.write)


def _stand_beside_the_load(load: Placement) -> None:
    """On its core, but served before it. Children start from ordinary priority and place themselves."""
    os.sched_setaffinity(0, {load.core})
    if load.is_first:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(_PRIORITY))
        except PermissionError:
            raise BenchError("--scheduling fifo needs root (or CAP_SYS_NICE)") from None


def _measure_round(number: int, options: argparse.Namespace, layout: Layout) -> Iterator[Row]:
    data = layout.folder / f"data-{number}"
    suites = [options.only] if options.only else list(SUITES)
    loads: list[Measurement] = []
    with serving(layout, data) as servers:
        check_guards(servers["torouter"])
        this = Round(number=number, seconds=options.seconds, layout=layout, servers=servers)
        this.warm()
        for suite in suites:
            for load in SUITES[suite](this):
                _tell(load, options.rounds)
                loads.append(load)
        time.sleep(1)  # The last usage rows are on their way.
        metered = read_metrics(servers["torouter"])
    yield from loads
    yield prove(number, data, loads, metered)


def _tell(load: Measurement, rounds: int) -> None:
    cost = f"{load.cpu_us:8.1f} µs" if load.cpu_s is not None else f"{load.p50_us:8.1f} µs"
    print(
        f"round {load.round + 1}/{rounds}  {load.suite:8}{load.level:5}  {load.target:9}{cost}"
        f"{load.per_second:10,.0f}/s  failed {load.failed}  others {load.others_share or 0:.0%}",
        file=sys.stderr,
        flush=True,
    )


def _keep(rows: Sequence[Row], is_for_the_record: bool) -> None:
    now = datetime.now(UTC)
    if is_for_the_record:
        raw = FOLDER / "results" / f"{now:%Y-%m-%d}.jsonl"
    else:
        raw = FOLDER.parent / "build" / "bench" / f"{now:%Y-%m-%d-%H%M%S}.jsonl"
    write_rows(raw, rows)
    _show(rows)
    print(f"\nRaw rows: {os.path.relpath(raw)}")
    if is_for_the_record:
        write_part(raw)


def _show(rows: Sequence[Row]) -> None:
    machines = [render_machine(row) for row in rows if isinstance(row, Machine)]
    print(render(rows), *machines, render_costs(rows), sep="\n\n")


def _leave(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the run as Ctrl-C does: through every `finally`, which ends the servers."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
