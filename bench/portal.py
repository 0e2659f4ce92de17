"""How long the portal's pages take of an account with many requests: `python -m bench.portal --rows 1000000`.

All requests are one account's, of 90 days, 10 keys and 20 models (`bench/usage.py`). Pages are asked for in this
process, through the portal's own application, and each filter at several turns: the CPU time of this process, which is
nearly all there is with SQLite, the median and the worst of the wall time, and how many kB the page has. The first turn
of each page is not counted: a server has compiled its templates.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.console.portal.lobby import Browser, Lobby

from bench.usage import DAY_MS, fill, place
from torouter.store import Store
from torouter.units import wall_ms

__all__ = ["main"]

_EMAIL: Final = "a0@example.com"
_TURNS: Final = 7
_HEAD: Final = "| page | CPU, ms | wall, ms | worst, ms | kB |\n|---|--:|--:|--:|--:|"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), action="append")
    options = parser.parse_args()
    for engine in options.engine or ("sqlite", "postgresql"):
        with place(engine, None) as found, Store.open(*found) as store:
            now_ms = wall_ms()
            fill(store, found, options.rows, now_ms, accounts=1)
            print(f"\n{engine}, {options.rows:,} requests\n\n{_HEAD}")
            lobby = Lobby(store)
            _measure(lobby.signed(_EMAIL), pages(now_ms))
            _measure(lobby.signed(), operators_pages(now_ms))


def _measure(browser: Browser, paths: dict[str, str]) -> None:
    for what, path in paths.items():
        browser.get(path)
        times, cpu = [], []
        for _ in range(_TURNS):
            began, cpu_began = time.perf_counter(), time.process_time()
            answer = browser.get(path)
            times.append((time.perf_counter() - began) * 1e3)
            cpu.append((time.process_time() - cpu_began) * 1e3)
            assert answer.status_code == 200, answer.text
        size = len(answer.content) / 1000
        told = (statistics.median(cpu), statistics.median(times), max(times), size)
        print(f"| {what} | {' | '.join(f'{number:.0f}' for number in told)} |", flush=True)


def pages(now_ms: int) -> dict[str, str]:
    """By what they show. `ever` is since 90 days ago."""
    ever, month, today = (_day(now_ms, back) for back in (90, 29, 0))
    of_day = f"since={_day(now_ms, 45)}&until={_day(now_ms, 44)}"
    filters = {
        "nothing": "",
        "a key": "key=3",
        "a model": "model=model-7",
        "a rare model": "model=rare",
        "a model that is not there": "model=nothing",
        "answered": "outcome=ok",
        "failed upstream": "outcome=upstream_error",
        "cut off, the oldest 20": "outcome=truncated",
        "an outcome that is not there": "outcome=timeout",
        "client's fault": "status=4xx",
        "ours or an upstream's": "status=5xx",
        "a status": "status=429",
        "a status that is not there": "status=404",
        "a key, client's fault": "key=3&status=4xx",
        "a key and a model": "key=3&model=model-7",
        "a key and a rare model": "key=3&model=rare",
        "a key, failed": "key=3&outcome=client_left",
        "a model, failed": "model=model-7&outcome=refused",
        "a rare model, failed": "model=rare&outcome=refused",
        "a key and a model, failed": "key=3&model=model-7&outcome=fault",
        "a key and a model, answered": "key=3&model=model-7&outcome=ok",
    }
    return {
        "/dashboard, 7 days": "/dashboard",
        "/dashboard, 30 days": "/dashboard?days=30",
        "/keys": "/keys",
        "/models": "/models",
        "/usage": "/usage",
        "/usage of today, by hour": f"/usage?since={today}",
        **{f"/usage since ever: {what}": f"/usage?since={ever}&{query}" for what, query in filters.items()},
        **{f"/usage of 30 days: {what}": f"/usage?since={month}&{query}" for what, query in filters.items()},
        **{f"/usage of 2 days: {what}": f"/usage?{of_day}&{query}" for what, query in filters.items()},
        "/usage, without dates": "/usage?since=",
        "/usage, a page in the middle": f"/usage?since={ever}&model=model-7&before={now_ms - 45 * DAY_MS}-1",
    }


def operators_pages(now_ms: int) -> dict[str, str]:
    """Of those that look at requests, or at all there is of something."""
    ever = _day(now_ms, 90)
    filters = {
        "nothing": "",
        "an account": f"account={_EMAIL}",
        "a model": "model=model-7",
        "a rare model": "model=rare",
        "an outcome": "outcome=upstream_error",
        "an outcome that is not there": "outcome=timeout",
        "client's fault": "status=4xx",
        "a status that is not there": "status=404",
    }
    plain = (
        "traffic",
        "traffic.json?after=0",
        "accounts",
        "accounts/1",
        "channels",
        "groups",
        "prices",
        "plans",
        "audit",
    )
    return {
        **{f"/admin/{path}": f"/admin/{path}" for path in plain},
        "/admin/requests": "/admin/requests",
        **{
            f"/admin/requests since ever: {what}": f"/admin/requests?since={ever}&{said}"
            for what, said in filters.items()
        },
        **{f"/admin/traffic: {what}": f"/admin/traffic?{said}" for what, said in filters.items() if said},
    }


def _day(now_ms: int, back: int) -> str:
    return (datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(days=back)).strftime("%Y-%m-%d")


if __name__ == "__main__":
    main()
