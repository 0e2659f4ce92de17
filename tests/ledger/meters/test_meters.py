from __future__ import annotations

import asyncio

import pytest

from tests.ledger.meters.conftest import Clock
from tests.ledger.meters.kept import Kept
from torouter.ledger.meters import Ask, Hold, Meter, Meters, Refusal, Window


async def held(meters: Meters, ask: Ask) -> Hold:
    hold = await meters.reserve(ask)
    assert isinstance(hold, Hold), hold
    return hold


class TestForeseeing:
    async def test_says_what_reserving_would_and_takes_nothing(self, meters: Meters, clock: Clock) -> None:
        limits = {"windows": (Window("1m", 2), Window("5h", 3)), "tokens_per_minute": 20, "concurrency": 2}
        ask = Ask(key_id=1, money=(Meter("k:1", 100),), hold_nusd=40, tokens=9, **limits)  # type: ignore[arg-type]
        for _ in range(5):
            assert await meters.foresee(ask) is None
        await held(meters, ask)
        assert await meters.foresee(ask) is None
        await held(meters, ask)
        for _ in range(2):
            assert await meters.foresee(ask) == await meters.reserve(ask) != None  # noqa: E711
        clock.now_ms += 3_600_000
        assert await meters.foresee(ask) == Refusal("concurrency", "", None) == await meters.reserve(ask)

    @pytest.mark.parametrize(
        "ask",
        [
            Ask(key_id=1, money=(Meter("k:1", 0),)),
            Ask(key_id=1, money=(Meter("k:1", 5),), hold_nusd=6, is_strict=True),
            Ask(key_id=1),
            Ask(key_id=1, windows=(Window("7d", 1),)),
        ],
    )
    async def test_agrees(self, meters: Meters, kept: Kept, ask: Ask) -> None:
        told = await meters.foresee(ask)
        found = await meters.reserve(ask)
        assert told == (found if isinstance(found, Refusal) else None)

    async def test_does_not_know_while_nothing_can_be_read(self, meters: Meters, kept: Kept) -> None:
        kept.is_broken = True
        refusal = await meters.foresee(Ask(key_id=1, windows=(Window("5h", 1),)))
        assert refusal is not None
        assert refusal.kind == "away"


class TestMoney:
    ASK = Ask(key_id=1, money=(Meter("k:1", 100), Meter("a:1", 1000)), hold_nusd=40)

    async def test_admits_while_there_is_anything_left(self, meters: Meters) -> None:
        for _ in range(3):  # 0, 40 and 80 are less than 100
            await held(meters, self.ASK)
        assert await meters.reserve(self.ASK) == Refusal("money", "k:1", None)
        assert await meters.check(self.ASK) == Refusal("money", "k:1", None)

    async def test_strictly_only_what_fits(self, meters: Meters) -> None:
        ask = Ask(key_id=1, money=(Meter("k:1", 80),), hold_nusd=40, is_strict=True)
        for _ in range(2):
            await held(meters, ask)
        assert await meters.reserve(ask) == Refusal("money", "k:1", None)

    async def test_what_is_settled_is_spent_and_no_longer_held(self, meters: Meters) -> None:
        meters.settle(await held(meters, self.ASK), 99, 0)
        hold = await held(meters, self.ASK)
        assert await meters.reserve(self.ASK) == Refusal("money", "k:1", None)
        meters.settle(hold, 0, 0)
        meters.settle(await held(meters, self.ASK), 1, 0)
        assert await meters.reserve(self.ASK) == Refusal("money", "k:1", None)

    async def test_a_second_settlement_is_none(self, meters: Meters) -> None:
        hold = await held(meters, self.ASK)
        for _ in range(3):
            meters.settle(hold, 50, 0)
        await held(meters, self.ASK)  # 50 spent
        await held(meters, self.ASK)  # 90 with what is held
        assert isinstance(await meters.reserve(self.ASK), Refusal)

    async def test_limits_come_with_each_ask(self, meters: Meters) -> None:
        meters.settle(await held(meters, self.ASK), 100, 0)
        assert isinstance(await meters.reserve(self.ASK), Refusal)
        await held(meters, Ask(key_id=1, money=(Meter("k:1", 101),)))

    async def test_the_first_meter_in_order_is_told(self, meters: Meters) -> None:
        full = (Meter("x", 0), Meter("y", 0))
        assert await meters.reserve(Ask(key_id=1, money=full)) == Refusal("money", "x", None)
        assert await meters.reserve(Ask(key_id=1, money=full[::-1])) == Refusal("money", "y", None)

    async def test_begins_with_what_the_store_has(self, meters: Meters, kept: Kept) -> None:
        kept.spent["k:1"] = 100
        assert await meters.check(self.ASK) == Refusal("money", "k:1", None)
        assert await meters.reserve(self.ASK) == Refusal("money", "k:1", None)
        assert kept.reads == 1

    async def test_is_never_less_than_the_store(self, meters: Meters) -> None:
        await held(meters, self.ASK)
        meters.raise_spent({"k:1": 59, "unknown": 7}, {})
        meters.raise_spent({"k:1": 30}, {"k:1": 30})
        await held(meters, self.ASK)
        assert isinstance(await meters.reserve(self.ASK), Refusal)

    async def test_a_total_that_was_raised_while_it_was_read_counts(self, meters: Meters, kept: Kept) -> None:
        read = kept.read_spent

        def slowly(names: object) -> dict[str, int]:
            found = read(["k:1"])
            loop.call_soon_threadsafe(meters.raise_spent, {"k:1": 100}, {})
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0.02), loop).result()
            return found

        loop = asyncio.get_running_loop()
        meters._read_spent = slowly  # type: ignore[attr-defined]
        assert await meters.reserve(self.ASK) == Refusal("money", "k:1", None)

    async def test_two_hundred_at_once_against_a_cap_worth_three(self, meters: Meters, kept: Kept) -> None:
        ask = Ask(key_id=1, money=(Meter("k:1", 30), Meter("a:1", 10**18)), hold_nusd=10, is_strict=True)
        answers = await asyncio.gather(*(meters.reserve(ask) for _ in range(200)))
        holds = [each for each in answers if isinstance(each, Hold)]
        assert len(holds) == 3
        assert set(answers) - set(holds) == {Refusal("money", "k:1", None)}
        assert kept.reads == 1, "the same thing was read more than once"
        for hold in holds:
            meters.settle(hold, 10, 0)
        assert await meters.reserve(ask) == Refusal("money", "k:1", None)

    async def test_a_store_that_cannot_be_read_refuses(
        self, meters: Meters, kept: Kept, caplog: pytest.LogCaptureFixture
    ) -> None:
        kept.is_broken = True
        assert await meters.reserve(self.ASK) == Refusal("away", "", 1.0)
        assert await meters.check(self.ASK) == Refusal("away", "", 1.0)
        assert "could not be read" in caplog.text
        kept.is_broken = False
        await held(meters, self.ASK)

    async def test_large_sums_are_exact(self, meters: Meters, kept: Kept) -> None:
        """Beyond 2^53, from where doubles have gaps."""
        kept.spent["a:9"] = 2**60
        ask = Ask(key_id=1, money=(Meter("a:9", 2**60 + 2**20),), hold_nusd=2**19 + 1)
        for _ in range(2):
            await held(meters, ask)
        assert isinstance(await meters.reserve(ask), Refusal)


class TestRequests:
    ASK = Ask(key_id=1, windows=(Window("1m", 3), Window("5h", 5)))

    async def test_all_windows_must_have_room(self, meters: Meters, clock: Clock) -> None:
        for _ in range(3):
            await held(meters, self.ASK)
        assert await meters.reserve(self.ASK) == Refusal("requests", "1m", 60.25)
        clock.now_ms += 60_249
        assert await meters.reserve(self.ASK) == Refusal("requests", "1m", 0.001)
        clock.now_ms += 1
        for _ in range(2):
            await held(meters, self.ASK)
        refusal = await meters.reserve(self.ASK)
        assert isinstance(refusal, Refusal)
        assert refusal.name == "5h"
        clock.now_ms += int((refusal.retry_after_s or 0) * 1000)
        await held(meters, self.ASK)

    async def test_what_is_refused_takes_nothing(self, meters: Meters) -> None:
        ask = Ask(key_id=1, windows=(Window("5h", 2), Window("1d", 1)), money=(Meter("k:1", 1000),), hold_nusd=400)
        await held(meters, ask)
        for _ in range(5):
            assert isinstance(await meters.reserve(ask), Refusal)
        await held(meters, Ask(key_id=1, windows=(Window("5h", 2),), money=(Meter("k:1", 401),)))

    async def test_settling_does_not_give_a_request_back(self, meters: Meters) -> None:
        for _ in range(3):
            meters.settle(await held(meters, self.ASK), 0, 0)
        assert isinstance(await meters.reserve(self.ASK), Refusal)

    async def test_other_keys_have_their_own(self, meters: Meters) -> None:
        one, other = (Ask(key_id=key_id, windows=(Window("5h", 1),)) for key_id in (1, 2))
        await held(meters, one)
        await held(meters, other)
        assert isinstance(await meters.reserve(one), Refusal)

    async def test_long_windows_begin_with_what_the_store_has(self, meters: Meters, clock: Clock, kept: Kept) -> None:
        minute = clock.now_ms // 60_000
        kept.minutes[1] = type(kept.spent)({minute: 2, minute - 299: 2, minute - 301: 7})  # type: ignore[arg-type]
        assert isinstance(await meters.reserve(Ask(key_id=1, windows=(Window("5h", 4),))), Refusal)
        await held(meters, Ask(key_id=1, windows=(Window("5h", 5), Window("1d", 12))))
        assert isinstance(await meters.reserve(Ask(key_id=1, windows=(Window("1d", 12),))), Refusal)
        await held(meters, Ask(key_id=1, windows=(Window("1m", 1),)))


class TestTokens:
    ASK = Ask(key_id=1, tokens_per_minute=100, tokens=40)

    async def test_a_minute_has_so_many(self, meters: Meters, clock: Clock) -> None:
        await held(meters, self.ASK)
        clock.now_ms += 1000
        await held(meters, self.ASK)
        assert await meters.reserve(self.ASK) == Refusal("tokens", "1m", 59.25)
        clock.now_ms += 59_250
        await held(meters, self.ASK)

    async def test_are_corrected_when_it_is_known_what_they_were(self, meters: Meters, clock: Clock) -> None:
        meters.settle(await held(meters, self.ASK), 0, 10)
        meters.settle(await held(meters, self.ASK), 0, 60)
        assert isinstance(await meters.reserve(self.ASK), Refusal)
        await held(meters, Ask(key_id=1, tokens_per_minute=100, tokens=30))
        late = await meters.reserve(Ask(key_id=1, tokens_per_minute=101, tokens=1))
        assert isinstance(late, Hold)
        clock.now_ms += 61_000
        meters.settle(late, 0, 1000)
        await held(meters, self.ASK)

    async def test_one_that_is_larger_than_the_limit_has_its_turn(self, meters: Meters, clock: Clock) -> None:
        huge = Ask(key_id=1, tokens_per_minute=100, tokens=500)
        await held(meters, huge)
        refusal = await meters.reserve(huge)
        assert refusal == Refusal("tokens", "1m", 60.25)
        clock.now_ms += 60_250
        await held(meters, huge)


class TestConcurrency:
    ASK = Ask(key_id=1, concurrency=2)

    async def test_so_many_run_at_a_time(self, meters: Meters) -> None:
        holds = [await held(meters, self.ASK) for _ in range(2)]
        assert await meters.reserve(self.ASK) == Refusal("concurrency", "", None)
        meters.settle(holds[0], 0, 0)
        await held(meters, self.ASK)
        assert isinstance(await meters.reserve(self.ASK), Refusal)


async def test_refusals_are_told_in_order(meters: Meters) -> None:
    ask = Ask(
        key_id=1,
        money=(Meter("k:1", 5),),
        hold_nusd=5,
        windows=(Window("1m", 1),),
        tokens_per_minute=5,
        tokens=5,
        concurrency=1,
    )
    await held(meters, ask)
    fields = {name: getattr(ask, name) for name in ask.__struct_fields__}
    kinds = []
    for without in ({}, {"money": ()}, {"windows": ()}, {"tokens_per_minute": 0}, {"concurrency": 0}):
        fields |= without
        answer = await meters.reserve(Ask(**fields))
        kinds.append(answer.kind if isinstance(answer, Refusal) else "admitted")
    assert kinds == ["money", "requests", "tokens", "concurrency", "admitted"]


async def test_an_ask_without_limits_is_admitted(meters: Meters, kept: Kept) -> None:
    hold = await held(meters, Ask(key_id=1))
    assert await meters.check(Ask(key_id=1)) is None
    meters.settle(hold, 5, 5)
    assert kept.reads == 0
