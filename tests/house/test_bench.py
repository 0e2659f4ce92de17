"""The benchmark's table is what its raw rows say: numbers are generated, never typed."""

from __future__ import annotations

import pytest
from bench.document import README, measured_part, raw_file, render_report
from bench.load import read_wrk
from bench.programs import BenchError
from bench.rows import Machine, Measurement, Proof, Row, Suite, Target, read_rows
from bench.suites import CONNECTIONS
from bench.table import LINES, render

WRK = """Running 4s test @ http://127.0.0.1:9302/v1/chat/completions
  1 threads and 64 connections
  Latency Distribution
     50%  812.00us
     75%    1.10ms
     90%    1.52ms
     99%    2.50ms
  80000 requests in 4.00s, 60.00MB read
  Socket errors: connect 1, read 2, write 0, timeout 4
  Non-2xx or 3xx responses: 10
Requests/sec:  20000.00
Transfer/sec:     15.00MB
"""


def test_the_readme_shows_what_its_raw_rows_say() -> None:
    part = measured_part(README.read_text("utf-8"))
    assert part == render_report(raw_file(part))


def test_the_run_on_record_is_whole() -> None:
    rows = read_rows(raw_file(measured_part(README.read_text("utf-8"))))
    (machine,) = (row for row in rows if isinstance(row, Machine))
    rounds = set(range(machine.options["rounds"]))
    assert {row.round for row in rows if isinstance(row, Proof)} == rounds
    for line in LINES:
        taken = [
            row for row in rows if isinstance(row, Measurement) and (row.suite, row.level) == (line.suite, line.level)
        ]
        assert {(row.round, row.target) for row in taken} >= {(n, t) for n in rounds for t in ("nginx", "torouter")}


def measurement(number: int, target: Target, cpu_s: float, suite: Suite = "json") -> Measurement:
    return Measurement(
        round=number,
        suite=suite,
        target=target,
        level=CONNECTIONS,
        count=1000,
        failed=0,
        seconds=1,
        p50_us=1,
        cpu_s=cpu_s,
    )


def test_ratios_are_taken_within_a_round() -> None:
    """Here the machine was three times as slow in the second round, and ToRouter twice as dear as nginx in both."""
    rows: list[Row] = [
        measurement(0, "nginx", 0.030),
        measurement(0, "torouter", 0.060),
        measurement(1, "torouter", 0.180),
        measurement(1, "nginx", 0.090),
    ]
    assert f"| {LINES[0].label} | 60.0 | 120.0 | 2.00 (2.00–2.00) | ≤ 2.5 × nginx | yes |" in render(rows)


def test_a_bar_that_is_missed_is_said_to_be() -> None:
    rows: list[Row] = [measurement(0, "nginx", 0.030), measurement(0, "torouter", 0.090)]
    assert "3.00 (3.00–3.00) | ≤ 2.5 × nginx | **no** |" in render(rows)


def test_wrk_is_read() -> None:
    load = read_wrk(WRK)
    assert (load.count, load.failed, load.seconds, load.p50_us, load.p99_us) == (80000, 17, 4.0, 812.0, 2500.0)


def test_wrk_that_reached_nothing_ends_the_run() -> None:
    with pytest.raises(BenchError, match="wrk counted no requests"):
        read_wrk("unable to connect to 127.0.0.1:9302 Connection refused")
