"""How long the store's queries take over many requests: `python -m bench.usage --rows 10000000`.

Fills a store with requests of the last 90 days, of 1000 keys and 20 models, and prints a table of times: the best and
the worst of several rounds, each asking for something else, so that what is warm is what a store in use has warm.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import text
from tests.servers.postgres import PostgresServer
from tests.store.entries import entry, make_accounts_and_keys

from torouter.store import Store, UsageFilter
from torouter.store.engine import Home, open_home
from torouter.units import Secret, wall_ms

__all__ = ["DAYS", "DAY_MS", "fill", "main", "place"]

_Place: TypeAlias = tuple[Path, Secret | None]

ACCOUNTS = 100
KEYS_EACH = 10
KEYS = ACCOUNTS * KEYS_EACH
MODELS = 20
DAYS = 90
DAY_MS = 86_400_000
_CHUNK_ROWS = 1_000_000
_ROUNDS = 10

_NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers (n) AS (VALUES ({first}) UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})",
    "postgresql": "WITH numbers AS (SELECT n FROM generate_series({first}::bigint, {last}::bigint) AS made (n))",
}
# The key is a number that looks like chance; `{from_ms}` and `{step}` spread the requests over the days.
_DRAWN = "(n * 2654435761) % 1000003 % {keys} + 1"
_USAGE = """{numbers} INSERT INTO usage (request_id, at_ms, account_id, key_id, channel, surface, operation, dialect_in,
dialect_out, model, upstream_model, status, outcome, is_stream, retries, input_tokens, cache_read_tokens,
cache_write_tokens, cache_write_5m_tokens, cache_write_1h_tokens, tool_input_tokens, output_tokens, reasoning_tokens,
quality, latency_ms, first_token_ms, losses, group_id, cost_nusd, price_version, cost_parts)
SELECT 'req_0123456789abcdef' || (10000000000 + n), {from_ms} + CAST(n * {step} AS bigint), (key - 1) / {each} + 1, key,
'channel-' || (n % 5), 'openai', 'chat', 'openai-chat', 'anthropic',
CASE WHEN n % 20011 = 7 THEN 'rare' ELSE 'model-' || ((n * 40503) % 65537 % {models}) END, 'up',
CASE WHEN n > 20 AND n % 50 <> 0 THEN 200 WHEN n <= 20 THEN 502 WHEN n % 400 = 0 THEN 499 WHEN n % 200 = 0 THEN 502
WHEN n % 100 = 0 THEN 429 ELSE 500 END, CASE WHEN n <= 20 THEN 'truncated' WHEN n % 50 <> 0 THEN 'ok'
WHEN n % 400 = 0 THEN 'client_left' WHEN n % 200 = 0 THEN 'upstream_error' WHEN n % 100 = 0 THEN 'refused'
ELSE 'fault' END, {true}, 0, n % 3000, 0, 0,
0, 0, 0, n % 700, 0, 'reported', n % 9000, n % 900, NULL, 1, n % 100000, 'book-1', '{{"input":1,"output":2}}'
FROM (SELECT n, {drawn} AS key FROM numbers) AS each_one"""
_LEDGER = """INSERT INTO ledger (at_ms, account_id, key_id, request_id, attempt, kind, amount_nusd, channel,
upstream_model, status, outcome, latency_ms, first_token_ms, note)
SELECT at_ms, account_id, key_id, request_id, 1, 'attempt', -cost_nusd, channel, upstream_model, status, outcome,
latency_ms, first_token_ms, '' FROM usage WHERE id BETWEEN {first} AND {last}"""
_SUMS = """INSERT INTO {table} SELECT account_id, {since} - {since} % {step_ms} AS since, key_id, model, outcome,
{counted}, sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens), sum(cost_nusd)
FROM {source} GROUP BY 1, 2, 3, 4, 5"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--directory", type=Path, help="where SQLite's file goes, and stays; must be empty")
    options = parser.parse_args()
    for engine in options.engine or ("sqlite", "postgresql"):
        print(f"\n{engine}, {options.rows:,} requests", flush=True)
        with place(engine, options.directory) as found, Store.open(*found) as store:
            _run_on(store, found, options.rows)


def _run_on(store: Store, found: _Place, rows: int) -> None:
    now_ms = wall_ms()
    _report("fill", 1, lambda _: fill(store, found, rows, now_ms, ACCOUNTS), rounds=1)
    _measure(store, rows, now_ms)


@contextmanager
def place(engine: str, directory: Path | None) -> Iterator[_Place]:
    if engine == "sqlite":
        with tempfile.TemporaryDirectory() as temporary:
            yield directory or Path(temporary), None
        return
    server = PostgresServer(settings=("shared_buffers=1GB", "max_wal_size=4GB"))
    server.start()
    try:
        with server.database() as url:
            yield Path(), url
    finally:
        server.remove()


def fill(store: Store, found: _Place, rows: int, now_ms: int, accounts: int) -> None:
    """Few of an account's requests failed, in the usual ways. The 20 oldest were truncated, and one of 20,011 asked for
    the model `rare`: what is hard to find."""
    make_accounts_and_keys(store, accounts=accounts, keys_each=KEYS_EACH)
    home = open_home(*found)
    name = home.reader.dialect.name
    common = {
        "from_ms": now_ms - DAYS * DAY_MS,
        "step": DAYS * DAY_MS / rows,
        "each": KEYS_EACH,
        "models": MODELS,
        "true": "true",
        "drawn": _DRAWN.format(keys=accounts * KEYS_EACH),
    }
    for first in range(1, rows + 1, _CHUNK_ROWS):
        last = min(first + _CHUNK_ROWS - 1, rows)
        numbers = _NUMBERS[name].format(first=first, last=last)
        _run(home, _USAGE.format(numbers=numbers, **common), _LEDGER.format(first=first, last=last))
    failures = "count(*), sum(CASE WHEN outcome <> 'ok' THEN 1 ELSE 0 END)"
    hours = {"table": "usage_hours", "since": "at_ms", "step_ms": 3_600_000, "source": "usage", "counted": failures}
    days = {"table": "usage_days", "since": "hour_ms", "step_ms": DAY_MS, "source": "usage_hours"}
    _run(home, _SUMS.format(**hours), _SUMS.format(**days, counted="sum(requests), sum(failures)"))
    if name == "postgresql":
        _run(home, "ANALYZE")  # as a server does by itself
    home.reader.dispose()


def _run(home: Home, *statements: str) -> None:
    """Without limits of time."""
    with home.only_one() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("PRAGMA cache_size = -1000000"))
        for statement in statements:
            connection.exec_driver_sql(statement)


def _measure(store: Store, rows: int, now_ms: int) -> None:
    month = {"from_ms": now_ms - 30 * DAY_MS + 12_345, "until_ms": now_ms - 54_321}
    middle = now_ms - 45 * DAY_MS
    last_day = now_ms - DAY_MS

    def a_key(turn: int) -> dict[str, int]:
        key_id = 1 + turn * 97 % KEYS
        return {"account_id": (key_id - 1) // KEYS_EACH + 1, "key_id": key_id}

    _report("page: the latest of all", 50, lambda _: store.usage_page(UsageFilter()))
    _report("page: 45 days ago", 50, lambda n: store.usage_page(UsageFilter(), (middle + n, 1)))
    _report("page: an account's latest", 50, lambda n: store.usage_page(UsageFilter(account_id=1 + n % ACCOUNTS)))
    _report("page: a key's, 45 days ago", 50, lambda n: store.usage_page(UsageFilter(**a_key(n)), (middle, 1)))
    _report("page: a model's latest", 50, lambda n: store.usage_page(UsageFilter(model=f"model-{n % MODELS}")))
    _report(
        "page: an account's failures", 50, lambda n: store.usage_page(UsageFilter(account_id=1 + n, outcome="fault"))
    )
    _report("export: 10 pages of 1000", 10_000, lambda n: _pages(store, UsageFilter(until_ms=middle + n)))
    _report("totals: 30 days, all", 1, lambda _: store.usage_totals(UsageFilter(**month)))
    _report("totals: 30 days, an account", 1, lambda n: store.usage_totals(UsageFilter(account_id=1 + n, **month)))
    _report("by model: 30 days, all", 1, lambda _: store.usage_by_model(UsageFilter(**month)))
    _report("by model: 30 days, an account", 1, lambda n: store.usage_by_model(UsageFilter(account_id=1 + n, **month)))
    _report("series: 30 days by hour, all", 1, lambda _: store.usage_series(UsageFilter(**month), "hour"))
    _report("series: 30 days by day, a key", 1, lambda n: store.usage_series(UsageFilter(**a_key(n), **month), "day"))
    _report("totals: a day of a channel", 1, lambda n: _channel(store, n, last_day))
    _report("one request by its id", 1, lambda n: _request(store, 1 + n * rows // 11))
    _report("its attempts", 1, lambda n: store.attempts_of(_name(1 + n * rows // 11)))
    numbers = count()
    batches = [
        [entry(account_id=1 + n % 10, key_id=1 + n % 10 * KEYS_EACH, at_ms=now_ms + next(numbers)) for n in range(500)]
        for _ in range(_ROUNDS)
    ]
    _report("write 500 entries", 500, lambda n: store.write_entries(batches[n]))
    oldest_ms = now_ms - (DAYS - 5) * DAY_MS
    _report("prune 1000 requests", 1000, lambda _: store.prune_usage(oldest_ms, 1000))


def _pages(store: Store, wanted: UsageFilter) -> None:
    for page, _ in zip(store.usage_export(wanted), range(10), strict=False):
        assert page


def _channel(store: Store, turn: int, from_ms: int) -> None:
    store.usage_totals(UsageFilter(channel=f"channel-{turn % 5}", from_ms=from_ms + turn))


def _name(number: int) -> str:
    return f"req_0123456789abcdef{10_000_000_000 + number}"


def _request(store: Store, number: int) -> None:
    (found,) = store.usage_page(UsageFilter(request_id=_name(number)))
    assert found.row.request_id == _name(number)


def _report(what: str, rows: int, work: Callable[[int], object], rounds: int = _ROUNDS) -> None:
    times = []
    for turn in range(rounds):
        began = time.perf_counter()
        work(turn)
        times.append(time.perf_counter() - began)
    each = f"{min(times) / rows * 1e6:12.1f} µs a row" if rows > 1 else ""
    print(f"{what:<34} best {min(times) * 1e3:12.1f} ms   worst {max(times) * 1e3:12.1f} ms {each}", flush=True)


if __name__ == "__main__":
    main()
