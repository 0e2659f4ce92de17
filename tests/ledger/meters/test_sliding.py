from __future__ import annotations

import asyncio
import random
import time
from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledger.meters.conftest import Clock
from torouter.ledger.meters import Ask, Hold, LocalMeters, Window, WindowName
from torouter.ledger.meters.sliding import SPANS, Sliding, in_slots

SMALL = SPANS["1m"]._replace(slot_ms=10, slots=6)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 3)), max_size=60))
def test_counts_as_brute_force_does(drawn: list[tuple[int, int]]) -> None:
    window, now_ms, added = Sliding(SMALL), 1000, list[tuple[int, int]]()
    for wait_ms, count in drawn:
        now_ms += wait_ms
        expected = sum(n for at, n in added if (at // 10 + 1) * 10 > now_ms - 60)
        assert window.slide(now_ms) == expected
        window.add(now_ms, count)
        added.append((now_ms, count))
        assert len(window._slots) <= 4 * (SMALL.slots + 1), "what has left takes memory"


@settings(deadline=None, max_examples=300)
@given(st.lists(st.integers(0, 30), max_size=80), st.integers(1, 5))
def test_no_true_window_has_more_than_the_limit(waits: list[int], limit: int) -> None:
    window, now_ms, admitted = Sliding(SMALL), 1000, list[int]()
    for wait_ms in waits:
        now_ms += wait_ms
        if window.slide(now_ms) < limit:
            window.add(now_ms, 1)
            admitted.append(now_ms)
    assert most_within(admitted, SMALL.window_ms) <= limit


def most_within(moments: list[int], window_ms: int) -> int:
    """In the fullest stretch of time of that length, without its very beginning."""
    return max((bisect_right(moments, at) - bisect_right(moments, at - window_ms) for at in moments), default=0)


@pytest.mark.parametrize("name", SPANS)
def test_at_twice_the_limit_the_limit_is_served_within_one_percent(name: WindowName) -> None:
    """For thirty windows, at uneven moments: never more than the limit in a true window, and in all not 1 % less."""
    span, limit = SPANS[name], 400
    draw, clock, moments = random.Random(7), Clock(), list[int]()
    began_ms = clock.now_ms
    until_ms = began_ms + 30 * span.window_ms
    meters = LocalMeters(read_spent=lambda _: {}, read_minutes=lambda *_: {}, now_ms=clock)
    ask = Ask(key_id=1, windows=(Window(name, limit),))

    async def offer() -> None:
        while clock.now_ms < until_ms:
            if isinstance(await meters.reserve(ask), Hold):
                moments.append(clock.now_ms)
            clock.now_ms += int(draw.expovariate(2 * limit / span.window_ms)) + 1

    asyncio.run(offer())
    assert most_within(moments, span.window_ms) == limit
    # A limit's worth comes in a burst, then nothing until it has left: from burst to burst.
    bursts = [at for before, at in zip([0, *moments], moments, strict=False) if at - before > span.window_ms // 4]
    served = len([at for at in moments if bursts[0] <= at < bursts[-1]])
    assert 0.99 < served / (limit * (bursts[-1] - bursts[0]) / span.window_ms) <= 1.0


async def test_a_real_minute_is_not_passed_in_a_few_real_seconds() -> None:
    meters = LocalMeters(read_spent=lambda _: {}, read_minutes=lambda *_: {})
    ask, admitted, refused = Ask(key_id=1, windows=(Window("1m", 50),)), 0, set[int]()
    deadline = time.monotonic() + 3
    began_s = time.time()
    while time.monotonic() < deadline:
        answer = await meters.reserve(ask)
        if isinstance(answer, Hold):
            admitted += 1
        else:
            refused.add(round(time.time() + (answer.retry_after_s or 0) - began_s))
        await asyncio.sleep(0.01)
    assert admitted == 50
    assert refused <= {60, 61}, "the promise when there is room again moves"


def test_minutes_become_slots() -> None:
    minute = SPANS["1d"].slot_ms * 7 // 60_000
    assert in_slots({minute + 4: 2, minute: 1, minute + 5: 4}, SPANS["1d"]) == {7: 3, 8: 4}
