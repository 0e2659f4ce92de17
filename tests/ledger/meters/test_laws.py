"""What holds for every order of calls: both kinds of meters say what the reference by brute force says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ledger.meters.conftest import Clock
from tests.ledger.meters.reference import Admitted, Reference
from tests.servers.redis import RedisServer
from torouter.ledger.meters import Ask, Hold, LocalMeters, Meter, Meters, Refusal, SharedMeters, Window

NAMES: Final = ("k:1", "a:1", "p:7:day:1764460800000")
SPENT_BEFORE: Final = {"a:1": 25}
WAITS: Final = (1, 499, 500, 7_000, 60_000, 60_500, 3_600_000, 18_000_000, 18_060_000, 86_400_000, 7 * 86_400_000)
PREFIXES: Final = count()

LIMITED: Final = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

asks = st.builds(
    Ask,
    key_id=st.integers(1, 2),
    money=st.lists(
        st.builds(Meter, st.sampled_from(NAMES), st.integers(0, 120)), max_size=3, unique_by=lambda m: m[0]
    ).map(tuple),
    hold_nusd=st.integers(0, 30),
    is_strict=st.booleans(),
    windows=st.lists(
        st.builds(Window, st.sampled_from(["1m", "5h", "1d", "7d"]), st.integers(1, 5)),
        max_size=4,
        unique_by=lambda window: window[0],
    ).map(tuple),
    tokens_per_minute=st.sampled_from([0, 0, 50]),
    tokens=st.integers(0, 70),
    concurrency=st.integers(0, 3),
)
steps = st.one_of(
    st.tuples(st.just("reserve"), asks),
    st.tuples(st.just("reserve"), asks),
    st.tuples(st.just("check"), asks),
    st.tuples(st.just("settle"), st.integers(0, 50), st.integers(0, 40), st.integers(0, 70)),
    st.tuples(st.just("wait"), st.sampled_from(WAITS)),
)


def before(clock: Clock) -> dict[int, dict[int, int]]:
    minute = clock.now_ms // 60_000
    return {1: {minute - 1: 1, minute - 200: 1, minute - 301: 2, minute - 5000: 1}}


@asynccontextmanager
async def shared(server: RedisServer, clock: Clock, **more: Any) -> AsyncIterator[SharedMeters]:
    minutes = before(clock)
    meters = SharedMeters(
        server.url,
        read_spent=lambda names: {name: SPENT_BEFORE[name] for name in names if name in SPENT_BEFORE},
        read_minutes=lambda key_id, since: {m: n for m, n in minutes.get(key_id, {}).items() if m >= since},
        fixed_ms=clock,
        prefix=f"try{next(PREFIXES)}:",
        **more,
    )
    await meters.open()
    try:
        yield meters
    finally:
        await meters.close()


def local(clock: Clock) -> LocalMeters:
    minutes = before(clock)
    return LocalMeters(
        read_spent=lambda names: {name: SPENT_BEFORE[name] for name in names if name in SPENT_BEFORE},
        read_minutes=lambda key_id, since: {m: n for m, n in minutes.get(key_id, {}).items() if m >= since},
        now_ms=clock,
    )


async def play(meters: Meters, clock: Clock, script: list[tuple[Any, ...]]) -> None:
    """Each answer is the reference's."""
    reference = Reference(SPENT_BEFORE, before(clock))
    pairs: list[tuple[Hold, Admitted]] = []
    for what, *arguments in script:
        if what == "wait":
            clock.now_ms += arguments[0]
        elif what == "check":
            assert await meters.check(arguments[0]) == reference.check(arguments[0])
        elif what == "reserve":
            got, expected = await meters.reserve(arguments[0]), reference.reserve(arguments[0], clock.now_ms)
            if isinstance(expected, Refusal):
                assert got == expected
            else:
                assert isinstance(got, Hold), got
                pairs.append((got, expected))
        elif pairs:
            which, cost_nusd, tokens = arguments
            hold, admitted = pairs.pop(which % len(pairs))
            meters.settle(hold, cost_nusd, tokens)
            reference.settle(admitted, cost_nusd, tokens)
    for hold, admitted in pairs:
        meters.settle(hold, 1, 0)
        reference.settle(admitted, 1, 0)
    for name in NAMES:  # nothing is held any more, and what is spent is what was settled: the limit says so to the nano
        spent = reference.spent(name)
        assert await meters.check(Ask(key_id=1, money=(Meter(name, spent),))) == Refusal("money", name, None)
        assert await meters.check(Ask(key_id=1, money=(Meter(name, spent + 1),))) is None


@settings(LIMITED, max_examples=200)
@given(st.lists(steps, max_size=40))
def test_local_meters_say_what_brute_force_says(script: list[tuple[Any, ...]]) -> None:
    clock = Clock()
    asyncio.run(play(local(clock), clock, script))


@settings(LIMITED, max_examples=100)
@given(st.lists(steps, max_size=40))
def test_shared_meters_say_what_brute_force_says(redis_server: RedisServer, script: list[tuple[Any, ...]]) -> None:
    async def try_it() -> None:
        clock = Clock()
        async with shared(redis_server, clock) as meters:
            await play(meters, clock, script)

    asyncio.run(try_it())


# -- interleaved, and given up ----------------------------------------------------------------------------------

requests = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 30), st.integers(0, 40), st.sampled_from([None, None, 0, 1, 2, 3, 5])),
    min_size=1,
    max_size=30,
)
"""(what is held, what it costs, turns before it is settled, turns after which it is given up)."""


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def one_of_many(meters: Meters, costs: list[int], hold_nusd: int, cost_nusd: int, pause: int) -> None:
    ask = Ask(key_id=1, money=(Meter("k:1", 150), Meter("a:1", 10**9)), hold_nusd=hold_nusd, concurrency=10)
    hold = await meters.reserve(ask)
    if isinstance(hold, Hold):
        try:
            await turns(pause)
        finally:
            costs.append(cost_nusd)
            meters.settle(hold, cost_nusd, 0)


async def all_of_them(meters: Meters, drawn: list[tuple[int, int, int, int | None]]) -> int:
    """What was spent in all."""
    costs: list[int] = []

    async def with_patience(number: int) -> None:
        hold_nusd, cost_nusd, pause, patience = drawn[number]
        task = asyncio.create_task(one_of_many(meters, costs, hold_nusd, cost_nusd, pause))
        if patience is not None:
            await turns(patience)
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await asyncio.gather(*(with_patience(number) for number in range(len(drawn))))
    return sum(costs)


async def is_exactly(check: Callable[[Ask], Awaitable[Refusal | None]], name: str, spent: int) -> None:
    assert await check(Ask(key_id=1, money=(Meter(name, spent),))) is not None
    assert await check(Ask(key_id=1, money=(Meter(name, spent + 1),))) is None


@settings(LIMITED, max_examples=100)
@given(requests)
def test_local_money_is_conserved(drawn: list[tuple[int, int, int, int | None]]) -> None:
    async def try_it() -> None:
        meters = local(Clock())
        spent = await all_of_them(meters, drawn)
        await is_exactly(meters.check, "k:1", spent)
        await is_exactly(meters.check, "a:1", 25 + spent)
        full = Ask(key_id=1, concurrency=1)
        assert isinstance(await meters.reserve(full), Hold), "something still runs"

    asyncio.run(try_it())


@settings(LIMITED, max_examples=60)
@given(requests)
def test_shared_money_is_conserved(redis_server: RedisServer, drawn: list[tuple[int, int, int, int | None]]) -> None:
    async def try_it() -> None:
        async with shared(redis_server, Clock()) as meters:
            spent = await all_of_them(meters, drawn)
            await is_exactly(meters.check, "k:1", spent)
            await is_exactly(meters.check, "a:1", 25 + spent)
            assert isinstance(await meters.reserve(Ask(key_id=1, concurrency=1)), Hold), "something still runs"
            assert meters._base in redis_server.command("KEYS", f"{meters._base}*")
            held = redis_server.command("HGET", f"{meters._base}m:k:1", "h")
            assert re.fullmatch(r"(\$-1|\$1\r\n0)\r\n", held), held

    asyncio.run(try_it())


@pytest.mark.parametrize("kind", ["local", "shared"])
async def test_strictly_no_cap_is_passed(redis_server: RedisServer, kind: str) -> None:
    """At no moment: what is spent and held is looked at after each step of many that run at once."""
    clock = Clock()

    async def crowd(meters: Meters) -> int:
        level, most = 0, 0

        async def one(number: int) -> None:
            nonlocal level, most
            ask = Ask(key_id=1, money=(Meter("k:1", 1000),), hold_nusd=7 + number % 13, is_strict=True)
            for _ in range(20):
                hold = await meters.reserve(ask)
                if isinstance(hold, Hold):
                    level += ask.hold_nusd
                    most = max(most, level)
                    await turns(number % 5)
                    level -= ask.hold_nusd - ask.hold_nusd // 3
                    meters.settle(hold, ask.hold_nusd // 3, 0)

        await asyncio.gather(*(one(number) for number in range(40)))
        return most

    if kind == "local":
        most = await crowd(local(clock))
    else:
        async with shared(redis_server, clock) as meters:
            most = await crowd(meters)
    assert 980 < most <= 1000
