"""What it costs to write down a request: CPU µs of one, in the journal and then in the store, by the number of keys.

Requests come from any key at any time, and are stored in batches of 200, as a few hundred a second are. The journal's
microseconds are spent on the event loop, the store's in the thread beside it. The smallest of several rounds is shown;
of PostgreSQL the wall time of a batch too, most of which is the server's.

    python -m bench.settling [--keys 10 10000 1000000]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.servers.postgres import PostgresServer
from tests.store.entries import entry

from torouter.ledger.journal import Journal, encode_entry
from torouter.store import Entry, Store
from torouter.store.engine import Home, open_home
from torouter.units import Secret

BATCH: Final = 200
ROUNDS: Final = 30

_NUMBERS: Final = {
    "sqlite": "WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})",
    "postgresql": "WITH numbers AS (SELECT n FROM generate_series(1::bigint, {count}::bigint) AS made (n))",
}
_HASH: Final = {"sqlite": "randomblob(32)", "postgresql": "decode(md5(n::text) || md5(n || 'x'), 'hex')"}
_ACCOUNTS: Final = """{numbers} INSERT INTO accounts (email, display_name, role, status, created_ms)
SELECT n || '@example.com', 'A', 'user', 'active', 1 FROM numbers"""
_KEYS: Final = """{numbers}
INSERT INTO keys (account_id, group_id, name, key_hash, head, tail, models, status, created_ms)
SELECT n, 1, 'k', {hash}, 'sk-', '1234', '[]', 'enabled', 1 FROM numbers"""


def fill(home: Home, keys: int) -> None:
    """An account for each key."""
    name = home.reader.dialect.name
    numbers = _NUMBERS[name].format(count=keys)
    with home.only_one() as connection:
        connection.exec_driver_sql(_ACCOUNTS.format(numbers=numbers))
        connection.exec_driver_sql(_KEYS.format(numbers=numbers, hash=_HASH[name]))
    if name == "postgresql":
        with home.only_one() as connection:
            connection.exec_driver_sql("ANALYZE")  # as a server does by itself
    home.reader.dispose()


def batches(keys: int) -> list[list[Entry]]:
    draw = random.Random(1)
    chosen = [[draw.randrange(keys) + 1 for _ in range(BATCH)] for _ in range(ROUNDS)]
    return [
        [entry(account_id=key, key_id=key, cost_nusd=1_000, is_windowed=True) for key in numbers] for numbers in chosen
    ]


def in_journal(wanted: Sequence[Sequence[Entry]]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        found = []
        for batch in wanted:
            began = time.thread_time()
            for each in batch:
                journal.append(encode_entry(each))
            found.append((time.thread_time() - began) / BATCH * 1e6)
        journal.close()
    return min(found)


def in_store(store: Store, wanted: Sequence[Sequence[Entry]]) -> tuple[float, float]:
    """(CPU µs here, µs of wall time) of one."""
    cpu, wall = [], []
    for batch in wanted:
        began, began_s = time.thread_time(), time.perf_counter()
        store.write_entries(batch)
        cpu.append((time.thread_time() - began) / BATCH * 1e6)
        wall.append((time.perf_counter() - began_s) / BATCH * 1e6)
    return min(cpu), min(wall)


def measure(folder: Path, database: Secret | None, keys: int) -> tuple[float, float]:
    with Store.open(folder, database) as store:
        fill(open_home(folder, database), keys)
        return in_store(store, batches(keys))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, nargs="+", default=[10, 10_000, 1_000_000])
    options = parser.parse_args()
    server = PostgresServer()
    server.start()
    print("| keys | journal: CPU µs | SQLite: CPU µs | PostgreSQL: CPU µs here | µs of wall time |")
    print("|--:|--:|--:|--:|--:|")
    for keys in options.keys:
        with tempfile.TemporaryDirectory() as folder:
            sqlite, _ = measure(Path(folder), None, keys)
        with tempfile.TemporaryDirectory() as folder, server.database() as database:
            postgres, wall = measure(Path(folder), database, keys)
        journal = in_journal(batches(keys))
        print(f"| {keys:,} | {journal:.1f} | {sqlite:.1f} | {postgres:.1f} | {wall:.1f} |", flush=True)
    server.remove()


if __name__ == "__main__":
    main()
