"""What only the meters in memory do: not wait, and forget."""

from __future__ import annotations

import pytest

from tests.ledger.meters.conftest import Clock
from tests.ledger.meters.kept import Kept
from torouter.ledger.meters import Ask, Hold, LocalMeters, Meter, Window

HOUR_MS = 3_600_000
ASK = Ask(
    key_id=1,
    money=(Meter("k:1", 100),),
    hold_nusd=10,
    windows=(Window("5h", 5),),
    tokens_per_minute=9,
    tokens=1,
    concurrency=2,
)


@pytest.fixture
def local(clock: Clock, kept: Kept) -> LocalMeters:
    return LocalMeters(read_spent=kept.read_spent, read_minutes=kept.read_minutes, now_ms=clock)


async def test_nothing_waits_once_it_is_known(local: LocalMeters) -> None:
    await local.reserve(ASK)
    with pytest.raises(StopIteration) as ended:
        local.reserve(ASK).send(None)
    assert isinstance(ended.value.value, Hold)


async def test_what_is_idle_and_stored_is_forgotten(local: LocalMeters, clock: Clock, kept: Kept) -> None:
    hold = await local.reserve(ASK)
    assert isinstance(hold, Hold)
    clock.now_ms += 6 * HOUR_MS
    await local._tidy()
    assert (len(local._tills), len(local._keys)) == (1, 1), "it runs"
    kept.settle(local, hold, 40)
    await local._tidy()
    assert (len(local._tills), len(local._keys)) == (1, 0), "40 nano-dollars would be lost"
    kept.flush()
    await local._tidy()
    assert (len(local._tills), len(local._keys)) == (0, 0)
    assert await local.check(Ask(key_id=1, money=(Meter("k:1", 40),))) is not None
    assert await local.check(Ask(key_id=1, money=(Meter("k:1", 41),))) is None


async def test_what_was_used_lately_is_kept(local: LocalMeters, clock: Clock, kept: Kept) -> None:
    hold = await local.reserve(ASK)
    assert isinstance(hold, Hold)
    kept.settle(local, hold, 1, 1)
    kept.flush()
    clock.now_ms += HOUR_MS - 1
    await local._tidy()
    assert (len(local._tills), len(local._keys)) == (1, 1)
