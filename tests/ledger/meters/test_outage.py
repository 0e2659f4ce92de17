"""Redis goes away under load and comes back, as it was or empty: spending is right afterwards, and nothing is held."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import Any, Literal

import pytest

from tests.ledger.meters.kept import Kept
from tests.ledger.meters.test_shared import BASE, PARTS, field, sharing
from tests.servers.redis import RedisServer, running_redis
from torouter.ledger.meters import Ask, Hold, Meter, Refusal, SharedMeters, Window

QUICK: dict[str, Any] = {"connect_s": 0.2, "reply_s": 0.4, "beat_s": 0.1}
AWAY = Refusal("away", "", 1.0)
WINDOWS = (Window("1m", 10**6), Window("5h", 10**6), Window("7d", 10**6))
PATIENCE_S = 10.0


def ask(key_id: int) -> Ask:
    return Ask(
        key_id=key_id,
        money=(Meter(f"k:{key_id}", 10**12), Meter("a:1", 10**12)),
        hold_nusd=50,
        windows=WINDOWS,
        tokens_per_minute=10**9,
        tokens=10,
        concurrency=10**6,
    )


class Load:
    """Requests without a pause, each of which takes a little while, through several meters that share a store."""

    def __init__(self, kept: Kept, *shared: SharedMeters) -> None:
        self.kept = kept
        self.shared = shared
        self.admitted: Counter[int] = Counter()
        self.tokens: Counter[int] = Counter()
        self.spent: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.slowest_s = 0.0
        self._draw = random.Random(5)
        self._is_over = False
        self._tasks = [asyncio.create_task(self._one(meters)) for meters in shared for _ in range(16)]

    async def _one(self, meters: SharedMeters) -> None:
        while not self._is_over:
            asked = ask(self._draw.randrange(1, 4))
            began = time.monotonic()
            answer = await meters.reserve(asked)
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            self.answers[answer.kind if isinstance(answer, Refusal) else "admitted"] += 1
            await asyncio.sleep(self._draw.choice([0.001, 0.01, 0.05]))
            if isinstance(answer, Hold):
                cost_nusd, tokens = self._draw.randrange(100), self._draw.randrange(20)
                self.admitted[asked.key_id] += 1
                self.tokens[asked.key_id] += tokens
                for name, _ in asked.money:
                    self.spent[name] += cost_nusd
                self.kept.settle(meters, answer, cost_nusd, tokens)

    async def end(self) -> None:
        self._is_over = True
        await asyncio.gather(*self._tasks)


async def back(*shared: SharedMeters) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while any(meters._redis is None for meters in shared):
        await asyncio.sleep(0.01)
        assert time.monotonic() < deadline


def is_right(server: RedisServer, load: Load) -> None:
    for name, spent in load.spent.items():
        assert load.kept.spent[name] == spent
        assert [field(server, f"m:{name}", part) for part in PARTS] == [spent, 0, 0]
    for key_id in load.admitted:
        assert server.command("GET", f"{BASE}c:{key_id}") == "$-1\r\n"


@pytest.mark.parametrize("how", ["stopped", "killed", "emptied", "hung"])
@pytest.mark.parametrize("when_away", ["refuse", "serve"])
async def test_sums_are_right_afterwards(
    how: Literal["stopped", "killed", "emptied", "hung"], when_away: Literal["refuse", "serve"]
) -> None:
    kept = Kept()
    with running_redis(append=how != "emptied") as server:
        async with (
            sharing(server, kept, when_away=when_away, **QUICK) as one,
            sharing(server, kept, when_away=when_away, **QUICK) as other,
        ):
            flushing = asyncio.create_task(kept.run())
            load = Load(kept, one, other)
            await asyncio.sleep(0.5)
            assert set(load.answers) == {"admitted"}
            if how == "hung":
                server.pause()
            elif how == "stopped":
                server.stop()
            else:
                server.kill()
            await asyncio.sleep(0.8)
            before = load.answers["admitted"]
            await asyncio.sleep(0.2)
            if when_away == "serve":
                assert load.answers["admitted"] > before
                assert "away" not in load.answers
            else:
                assert load.answers["admitted"] == before
                assert load.answers["away"] > 0
            server.go_on() if how == "hung" else server.start()
            await back(one, other)
            before = load.answers["admitted"]
            await asyncio.sleep(0.5)
            assert load.answers["admitted"] > before
            await load.end()
            await asyncio.sleep(0.3)
            flushing.cancel()
            await asyncio.gather(flushing, return_exceptions=True)
            await one.check(ask(1))
            await other.check(ask(1))
            is_right(server, load)
            assert load.slowest_s < 2.0, "a call hung"
            counted = {key_id: field(server, f"w:{key_id}:7d", "n") for key_id in load.admitted}
            if how == "emptied":  # what ran when it came back is in no window, and of what was not stored yet some
                assert all(0.5 * load.admitted[key_id] < counted[key_id] for key_id in counted)
            elif when_away == "serve":
                assert counted == load.admitted
                assert {key_id: field(server, f"w:{key_id}:1m", "n") for key_id in counted} == load.admitted
            else:  # what was counted and then refused, as the answer did not come
                assert 0 <= sum(counted.values()) - sum(load.admitted.values()) <= 32


async def test_what_was_held_stays_held(tmp_path: object) -> None:
    """A call that runs through the whole outage, with a cap that it has filled."""
    one_only = Ask(key_id=1, money=(Meter("k:1", 50),), hold_nusd=50, is_strict=True, concurrency=1)
    kept = Kept()
    with running_redis() as server:
        async with sharing(server, kept, when_away="serve", **QUICK) as meters:
            hold = await meters.reserve(one_only)
            assert isinstance(hold, Hold)
            full = Refusal("money", "k:1", None)
            assert await meters.reserve(one_only) == full
            server.kill()
            await asyncio.sleep(0.1)
            assert await meters.reserve(one_only) == full, "what is held was not known without Redis"
            assert await meters.check(one_only) == full
            server.start()
            await back(meters)
            assert await meters.reserve(one_only) == full, "what is held was not brought back"
            kept.settle(meters, hold, 10)
            kept.flush()
            smaller = Ask(key_id=1, money=(Meter("k:1", 50),), hold_nusd=40, is_strict=True, concurrency=1)
            assert isinstance(await meters.reserve(smaller), Hold)
            assert await meters.reserve(smaller) == full


async def test_what_is_settled_during_an_outage_counts_in_it_and_afterwards() -> None:
    capped = Ask(key_id=1, money=(Meter("k:1", 100),), hold_nusd=10)
    kept = Kept()
    with running_redis(append=True) as server:
        async with sharing(server, kept, when_away="serve", **QUICK) as meters:
            hold = await meters.reserve(capped)
            assert isinstance(hold, Hold)
            server.kill()
            await asyncio.sleep(0.1)
            second = await meters.reserve(capped)
            assert isinstance(second, Hold)
            kept.settle(meters, second, 60)
            kept.settle(meters, hold, 40)
            kept.flush()
            assert await meters.reserve(capped) == Refusal("money", "k:1", None)
            server.start()
            await back(meters)
            assert await meters.reserve(capped) == Refusal("money", "k:1", None)
            assert (field(server, "m:k:1", "s"), field(server, "m:k:1", "h")) == (100, 0)


async def test_nobody_waits_for_a_server_that_is_known_to_be_away() -> None:
    with running_redis() as server:
        async with sharing(server, **QUICK) as meters:
            assert isinstance(await meters.reserve(ask(1)), Hold)
            server.pause()
            began = time.monotonic()
            assert await meters.reserve(ask(1)) == AWAY
            assert 0.35 < time.monotonic() - began < 2.0
            began = time.monotonic()
            for _ in range(100):
                assert await meters.reserve(ask(1)) == AWAY
                assert await meters.check(ask(1)) == AWAY
            assert time.monotonic() - began < 0.3
            server.go_on()


@pytest.mark.parametrize("when_away", ["refuse", "serve"])
async def test_a_server_that_was_never_there(when_away: Literal["refuse", "serve"]) -> None:
    kept = Kept()
    kept.spent["k:1"] = 10**12
    with running_redis() as server:
        server.kill()
        meters = SharedMeters(
            server.url, read_spent=kept.read_spent, read_minutes=kept.read_minutes, when_away=when_away, **QUICK
        )
        running = asyncio.create_task(meters.run())
        await asyncio.sleep(0.1)
        first, second = await meters.reserve(ask(1)), await meters.reserve(ask(2))
        if when_away == "serve":
            assert first == Refusal("money", "k:1", None)
            assert isinstance(second, Hold)
        else:
            assert first == second == AWAY
        server.start()
        await back(meters)
        assert await meters.reserve(ask(1)) == Refusal("money", "k:1", None)
        assert isinstance(await meters.reserve(ask(2)), Hold)
        held = 100 if when_away == "serve" else 50
        assert field(server, "m:k:2", "h") == held
        assert field(server, "w:2:1m", "n") == held // 50
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await meters.close()
