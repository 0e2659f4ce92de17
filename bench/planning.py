"""What it costs to choose whom to ask: CPU µs of one request, by how many channels could serve it.

Each request makes its plan, takes its first candidate and tells that it began, succeeded and ended: all that routing
does for a request that goes well. The clock runs on by a millisecond with each, so that channels rest, and cool-downs
end, as at a thousand requests a second. Keyed requests come from 5,000 conversations. The smallest of several rounds is
shown, and the dearest of every sixteenth request: then many channels fall due together.

    python -m bench.planning [--requests 4000]
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Sequence
from typing import Final

from torouter.channels import KINDS, Channel, Credential
from torouter.routing.affinity import affinity_key
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Route, Snapshot
from torouter.units import Secret

COUNTS: Final = (1, 10, 1_000, 10_000)
ROUNDS: Final = 4
CONVERSATIONS: Final = [affinity_key(1, "gw", b"%d" % number, None) for number in range(5_000)]


def route_over(count: int) -> Route:
    """Of one priority, with weights from 1 to 10."""
    channels = tuple(
        Channel(
            name=f"up{number}",
            kind=KINDS["openai"],
            credentials=(Credential(secret=Secret("sk-up")),),
            dialects=("openai-chat",),
            models={"gw": "up"},
            weight=number % 10 + 1,
        )
        for number in range(count)
    )
    route = Snapshot(channels=channels).route("default", "openai-chat", "chat", "gw")
    assert route is not None
    return route


def measure(route: Route, requests: int, *, is_cooling: bool, is_keyed: bool) -> tuple[float, float]:
    """CPU µs of a request, and of the dearest."""
    draw = random.Random(1)
    planner, now_s = Planner(draw.random), 1_000.0
    for number, candidate in enumerate(route.candidates):
        if is_cooling and number % 2:
            planner.failed(candidate, "channel", now_s, draw.uniform(1.0, 3_600.0))
    planner.plan(route, now_s, affinity=None).next(now_s)  # the first request of a route sets it up
    keys: Sequence[bytes | None] = CONVERSATIONS if is_keyed else [None]
    rounds, dearest = [], 0.0
    for _ in range(ROUNDS):
        gc.collect()
        began = time.thread_time()
        for number in range(requests):
            now_s += 0.001
            one = time.thread_time() if number % 16 == 0 else None
            serve(planner, route, now_s, keys[number % len(keys)])
            if one is not None:
                dearest = max(dearest, time.thread_time() - one)
        rounds.append((time.thread_time() - began) / requests)
    return min(rounds) * 1e6, dearest * 1e6


def serve(planner: Planner, route: Route, now_s: float, key: bytes | None) -> None:
    pick = planner.plan(route, now_s, affinity=key).next(now_s)
    if pick is None:
        return
    planner.began(pick.candidate, now_s)
    planner.succeeded(pick.candidate, now_s, affinity=key, first_token_s=0.3)
    planner.ended(pick.candidate, now_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=4_000)
    options = parser.parse_args()
    print("| channels | all well | half cooling | conversations | conversations, half cooling | dearest |")
    print("|--:|--:|--:|--:|--:|--:|")
    for count in COUNTS:
        route = route_over(count)
        found = [
            measure(route, options.requests, is_cooling=is_cooling and count > 1, is_keyed=is_keyed)
            for is_keyed in (False, True)
            for is_cooling in (False, True)
        ]
        cells = " | ".join(f"{us:.1f}" for us, _ in found)
        print(f"| {count:,} | {cells} | {max(dearest for _, dearest in found):,.0f} |")


if __name__ == "__main__":
    main()
