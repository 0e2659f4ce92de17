"""A process of its own with shared meters: `python -m tests.ledger.meters.worker <url> race|hold`.

It says `ready`, waits for a line, does its part and says what came of it.
"""

from __future__ import annotations

import asyncio
import sys

from torouter.ledger.meters import Ask, Hold, Meter, SharedMeters, Window

__all__ = ["ASK", "LIFE_S", "THREE"]

LIFE_S = 1.0
THREE = Ask(
    key_id=1,
    money=(Meter("k:1", 30), Meter("a:1", 10**12)),
    hold_nusd=10,
    is_strict=True,
    windows=(Window("5h", 1000),),
)
"""Three of these fit."""
ASK = Ask(key_id=1, money=(Meter("k:1", 10**12),), hold_nusd=7, windows=(Window("7d", 10**6),), concurrency=1000)


async def race(meters: SharedMeters) -> int:
    answers = await asyncio.gather(*(meters.reserve(THREE) for _ in range(50)))
    return sum(isinstance(each, Hold) for each in answers)


async def hold(meters: SharedMeters) -> int:
    answers = await asyncio.gather(*(meters.reserve(ASK) for _ in range(20)))
    return sum(isinstance(each, Hold) for each in answers)


async def main(url: str, what: str) -> None:
    meters = SharedMeters(
        url, read_spent=lambda _: {}, read_minutes=lambda *_: {}, beat_s=LIFE_S / 3, life_s=LIFE_S, reply_s=5.0
    )
    await meters.open()
    running = asyncio.create_task(meters.run())
    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    print(await (race if what == "race" else hold)(meters), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await meters.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
