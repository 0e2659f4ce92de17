"""What it costs to admit: CPU µs of one reserve and its settlement, in memory and over Redis, and memory by keys.

Every key has a cap, a balance and three windows of requests. The client's microseconds are those of this process, with
64 requests at a time over Redis; the server's are redis-server's own. The smallest of several repeats is shown. Memory
is that of 10,000 keys, each of which was admitted once.

    python -m bench.admission [--keys 10 10000 1000000] [--count N] [--repeats N]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import uvloop
from tests.servers.redis import RedisServer, running_redis

from torouter.ledger.meters import Ask, Hold, LocalMeters, Meter, Meters, SharedMeters, Window, WindowName, scripts

AT_ONCE: Final = 64
MEMORY_KEYS: Final = 10_000
LIMIT: Final = 10**15
WINDOWS: Final[tuple[WindowName, ...]] = ("5h", "1d", "7d")


def ask(key_id: int) -> Ask:
    return Ask(
        key_id=key_id,
        money=(Meter(f"k:{key_id}", LIMIT), Meter(f"a:{key_id}", LIMIT)),
        hold_nusd=1_000_000,
        windows=tuple(Window(name, 10**9) for name in WINDOWS),
    )


def sample(keys: int, count: int) -> list[Ask]:
    """Of requests as they come: any key at any time."""
    draw = random.Random(1)
    return [ask(draw.randrange(keys)) for _ in range(min(count, 100_000))]


async def admit(meters: Meters, asks: Iterator[Ask]) -> None:
    for each in asks:
        hold = await meters.reserve(each)
        assert isinstance(hold, Hold), hold
        meters.settle(hold, 900_000, 0)


async def measure(meters: Meters, asks: list[Ask], repeats: int, at_once: int) -> float:
    """CPU µs of one."""
    await admit(meters, iter(asks[:1000]))
    gc.collect()
    gc.freeze()
    found = []
    for _ in range(repeats):
        waiting = iter(asks)
        began = time.process_time()
        if at_once == 1:
            await admit(meters, waiting)
        else:
            await asyncio.gather(*(admit(meters, waiting) for _ in range(at_once)))
        found.append((time.process_time() - began) / len(asks) * 1e6)
    return min(found)


# -- in memory --------------------------------------------------------------------------------------------------------


def local(keys: int) -> LocalMeters:
    """Knows all of them: what reading the store costs is the store's."""
    meters = LocalMeters(read_spent=lambda _: {}, read_minutes=lambda *_: {})
    for key_id in range(keys):
        meters._learn_spent([f"k:{key_id}", f"a:{key_id}"], {})
        meters._learn_windows(key_id, WINDOWS, {})
    return meters


async def local_bytes() -> int:
    gc.collect()
    before = resident_bytes()
    meters = local(MEMORY_KEYS)
    await admit(meters, map(ask, range(MEMORY_KEYS)))
    gc.collect()
    return resident_bytes() - before


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


# -- over Redis -------------------------------------------------------------------------------------------------------


async def shared(server: RedisServer, keys: int) -> SharedMeters:
    meters = SharedMeters(server.url, read_spent=lambda _: {}, read_minutes=lambda *_: {}, reply_s=60.0)
    await meters.open()
    assert meters._redis is not None
    for first in range(0, keys, 1000):
        await asyncio.gather(
            *(
                meters._do(meters._redis, scripts.LOAD, "", key_id, 2, *money(key_id), *windows())
                for key_id in range(first, min(first + 1000, keys))
            )
        )
    return meters


def money(key_id: int) -> tuple[str | int, ...]:
    return f"k:{key_id}", 0, f"a:{key_id}", 0


def windows() -> list[str | int]:
    return [word for name in WINDOWS for word in (name, 0)]


async def over_redis(keys: int, count: int, repeats: int) -> tuple[float, float, float]:
    """(CPU µs here, CPU µs of the server, µs of wall time) of one."""
    with running_redis() as server:
        meters = await shared(server, keys)
        running = asyncio.create_task(meters.run())
        asks = sample(keys, count)
        began, began_s = server_cpu_s(server), time.perf_counter()
        here = await measure(meters, asks, repeats, AT_ONCE)
        times = repeats * len(asks) + 1000
        wall_us = (time.perf_counter() - began_s) / times * 1e6
        there = (server_cpu_s(server) - began) / times * 1e6
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await meters.close()
        return here, there, wall_us


async def redis_bytes() -> int:
    with running_redis() as server:
        before = info(server, "memory", "used_memory")
        meters = await shared(server, MEMORY_KEYS)
        await admit(meters, map(ask, range(MEMORY_KEYS)))
        await meters._do(meters._redis, scripts.BEAT, meters._process, 10_000)  # type: ignore[arg-type]
        used = info(server, "memory", "used_memory") - before
        await meters.close()
        return int(used)


def server_cpu_s(server: RedisServer) -> float:
    return info(server, "cpu", "used_cpu_user") + info(server, "cpu", "used_cpu_sys")


def info(server: RedisServer, section: str, name: str) -> float:
    found = re.search(rf"^{name}:([\d.]+)", server.command("INFO", section), flags=re.MULTILINE)
    assert found is not None
    return float(found[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, nargs="+", default=[10, 10_000, 1_000_000])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    here, there = uvloop.run(local_bytes()), uvloop.run(redis_bytes())
    print("| keys | in memory: CPU µs | over Redis: CPU µs here | CPU µs of the server | µs of wall time |")
    print("|--:|--:|--:|--:|--:|")
    for keys in options.keys:
        meters = local(keys)
        one = uvloop.run(measure(meters, sample(keys, options.count), options.repeats, 1))
        del meters
        figures = uvloop.run(over_redis(keys, options.count, options.repeats))
        print(f"| {keys:,} | {one:.2f} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |", flush=True)
    print(f"\n{MEMORY_KEYS:,} keys: {here / 1e6:.1f} MB in memory, {there / 1e6:.1f} MB in Redis")


if __name__ == "__main__":
    main()
