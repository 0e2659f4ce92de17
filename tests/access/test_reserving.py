"""Asking the meters: real ones, in memory, over what a store would say was spent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from msgspec.structs import replace

from torouter.access.client import Client
from torouter.access.keyring import Account, Group, Key, Subscription
from torouter.access.reserving import Reserving, Stake
from torouter.access.standing import Standing
from torouter.access.terms import Terms
from torouter.errors import AccessError, LimitError, TorouterError
from torouter.ledger.meters import Ask, Hold, LocalMeters, Meters, Refusal
from torouter.store import LimitColumns, PlanWindow

NOW_MS = 1_800_000_000_000
DAY_MS = 24 * 60 * 60 * 1000
HERE = Client("192.0.2.1")
PREPAID = Account(id=3, billing="prepaid", credited_nusd=1000)
UNLIMITED = Account(id=3)
BALANCE = Group(id=1, name="default")
PLANNED = Group(id=1, name="gold", billing="subscription")
PLAN = Subscription(id=5, account_id=3, group_id=1, status="active", started_ms=NOW_MS - 1000, daily_nusd=100)


def standing(
    account: Account = UNLIMITED,
    group: Group = BALANCE,
    subscription: Subscription | None = None,
    key: Key | None = None,
    **limits: int,
) -> Standing:
    own = key or Key(id=7, account_id=3, group_id=1)
    return Standing(replace(own, limits=LimitColumns(**limits)), account, group, subscription, NOW_MS)


class Office:
    """Meters, and who asks them. `spent` is the store's."""

    def __init__(self, meters: Meters | None = None, **given: Any) -> None:
        self.spent: dict[str, int] = {}
        self.now_ms = NOW_MS
        self.meters = meters or LocalMeters(
            read_spent=lambda names: {name: self.spent.get(name, 0) for name in names},
            read_minutes=lambda _, __: {},
            now_ms=lambda: self.now_ms,
        )
        self.reserving = Reserving(self.meters, lambda: self.now_ms, **given)

    async def reserve(self, of: Standing, hold_nusd: int = 0, tokens: int = 0) -> Terms:
        return await self.reserving.reserve(of, HERE, Stake(hold_nusd, tokens))

    async def refusal(self, of: Standing, hold_nusd: int = 0, tokens: int = 0) -> TorouterError:
        with pytest.raises(TorouterError) as caught:
            await self.reserve(of, hold_nusd, tokens)
        return caught.value


def told(error: TorouterError) -> tuple[int, str | None, str | None, str]:
    return error.status, error.type, error.code, error.message


class TestForeseeing:
    @pytest.mark.parametrize(
        ("of", "spent"),
        [
            (standing(cap_nusd=50), {"k:7": 50}),
            (standing(cap_nusd=50), {"k:7": 49}),
            (standing(PREPAID), {"a:3": 1000}),
            (standing(PREPAID, PLANNED, PLAN), {f"p:5:day:{PLAN.started_ms}": 100}),
            (standing(PREPAID, PLANNED), {}),
            (standing(PREPAID, PLANNED, cap_nusd=50), {"k:7": 50}),
            (standing(rpm=1, tpm=5, concurrency=1), {}),
            (standing(), {}),
        ],
    )
    async def test_says_what_reserving_says(self, of: Standing, spent: dict[str, int]) -> None:
        office = Office()
        office.spent = spent
        for _ in range(2):  # the second time a limit of one is used up
            foreseen = await self.refusal(office.reserving.foresee(of, Stake(1, 1)))
            again = await self.refusal(office.reserving.foresee(of, Stake(1, 1)))
            assert foreseen == again
            assert foreseen == await self.refusal(office.reserving.reserve(of, HERE, Stake(1, 1)))

    async def refusal(self, asked: Awaitable[object]) -> tuple[object, ...] | None:
        try:
            await asked
        except TorouterError as error:
            return told(error)
        return None


class TestMoney:
    async def test_a_keys_cap(self) -> None:
        office = Office()
        office.spent = {"k:7": 50}
        error = await office.refusal(standing(cap_nusd=50))
        assert (error.status, error.type, error.retry_after_s) == (429, "API_KEY_QUOTA_EXHAUSTED", None)
        assert isinstance(error, LimitError)
        assert error.is_terminal

    async def test_the_last_request_may_pass_a_cap_that_is_not_reached(self) -> None:
        office = Office()
        office.spent = {"k:7": 49}
        terms = await office.reserve(standing(cap_nusd=50), hold_nusd=1000)
        assert terms.hold is not None
        office.meters.settle(terms.hold, 1000, 0)
        assert (await office.refusal(standing(cap_nusd=50))).type == "API_KEY_QUOTA_EXHAUSTED"

    async def test_not_one_of_a_strict_key(self) -> None:
        office = Office()
        office.spent = {"k:7": 49}
        strict = standing(key=Key(id=7, account_id=3, group_id=1, is_strict=True), cap_nusd=50)
        assert (await office.refusal(strict, hold_nusd=2)).type == "API_KEY_QUOTA_EXHAUSTED"
        assert (await office.reserve(strict, hold_nusd=1)).hold is not None

    async def test_strict_by_setting_and_not_by_key(self) -> None:
        office = Office(is_strict=True)
        assert office.reserving.is_strict(standing())
        loose = standing(key=Key(id=7, account_id=3, group_id=1, is_strict=False))
        assert not office.reserving.is_strict(loose)

    async def test_an_empty_balance(self) -> None:
        office = Office()
        office.spent = {"a:3": 1000}
        error = await office.refusal(standing(PREPAID))
        assert (error.status, error.type) == (402, "INSUFFICIENT_BALANCE")
        assert isinstance(error, AccessError)

    async def test_an_empty_balance_as_403(self) -> None:
        office = Office(balance_status=403)
        assert (await office.refusal(standing(replace(PREPAID, credited_nusd=0)))).status == 403

    async def test_a_plans_window_ends(self) -> None:
        office = Office()
        meter = f"p:5:day:{NOW_MS - 1000}"
        office.spent = {meter: 100}
        error = await office.refusal(standing(PREPAID, PLANNED, PLAN))
        assert (error.status, error.type) == (429, "USAGE_LIMIT_EXCEEDED")
        assert error.retry_after_s == (DAY_MS - 1000) / 1000
        assert isinstance(error, LimitError)
        assert error.is_terminal
        office.now_ms += DAY_MS - 1000
        terms = await office.reserve(standing(PREPAID, PLANNED, PLAN))
        assert terms.plan_windows == (PlanWindow(5, "day", NOW_MS - 1000 + DAY_MS),)

    async def test_a_missing_plan_is_told_after_the_cap(self) -> None:
        office = Office()
        office.spent = {"k:7": 50}
        assert (await office.refusal(standing(PREPAID, PLANNED, cap_nusd=50))).type == "API_KEY_QUOTA_EXHAUSTED"
        error = await office.refusal(standing(PREPAID, PLANNED, cap_nusd=60))
        assert (error.status, error.type) == (403, "SUBSCRIPTION_NOT_FOUND")
        paused = standing(PREPAID, PLANNED, replace(PLAN, status="paused"))
        error = await office.refusal(paused)
        assert (error.status, error.type) == (403, "SUBSCRIPTION_INVALID")

    async def test_all_money_comes_before_the_windows(self) -> None:
        office = Office()
        crowded = standing(PREPAID, cap_nusd=50, rpm=1)
        await office.reserve(crowded)
        assert (await office.refusal(crowded)).code == "rate_limit_exceeded"
        office.meters.raise_spent({"a:3": 1000}, {})
        assert (await office.refusal(crowded)).type == "INSUFFICIENT_BALANCE"
        office.meters.raise_spent({"k:7": 50}, {})
        assert (await office.refusal(crowded)).type == "API_KEY_QUOTA_EXHAUSTED"


class TestRequests:
    @pytest.mark.parametrize("limit", ["rpm", "limit_5h", "limit_1d", "limit_7d"])
    async def test_windows(self, limit: str) -> None:
        office = Office()
        windowed = standing(**{limit: 2})
        for _ in range(2):
            assert (await office.reserve(windowed)).hold is not None
        error = await office.refusal(windowed)
        assert told(error) == (429, None, "rate_limit_exceeded", "rate limit exceeded")
        assert error.retry_after_s is not None
        assert error.retry_after_s > 0

    async def test_a_refused_request_takes_nothing(self) -> None:
        office = Office()
        office.spent = {"k:7": 50}
        for _ in range(3):
            await office.refusal(standing(cap_nusd=50, rpm=1))
        assert (await office.reserve(standing(rpm=1))).hold is not None

    async def test_tokens(self) -> None:
        office = Office()
        await office.reserve(standing(tpm=100), tokens=80)
        error = await office.refusal(standing(tpm=100), tokens=30)
        assert (error.status, error.code) == (429, "rate_limit_exceeded")
        assert error.message.startswith("rate limit exceeded")

    async def test_concurrency(self) -> None:
        office = Office()
        terms = await office.reserve(standing(concurrency=1))
        error = await office.refusal(standing(concurrency=1))
        assert (error.status, error.code) == (429, "rate_limit_exceeded")
        assert error.retry_after_s == 1.0
        assert terms.hold is not None
        office.meters.settle(terms.hold, 0, 0)
        assert (await office.reserve(standing(concurrency=1))).hold is not None


class TestTerms:
    async def test_say_what_the_relay_needs(self) -> None:
        group = replace(PLANNED, multiplier_ppm=1_500_000)
        key = Key(id=7, account_id=3, group_id=1, on_hangup="drain")
        terms = await Office().reserve(standing(PREPAID, group, PLAN, key, limit_5h=4))
        assert (terms.group_id, terms.multiplier_ppm, terms.on_hangup) == (1, 1_500_000, "drain")
        assert (terms.address, terms.is_windowed) == ("192.0.2.1", True)
        assert [window.window for window in terms.plan_windows] == ["day"]

    async def test_minutes_are_counted_for_long_windows_only(self) -> None:
        assert not (await Office().reserve(standing(rpm=4))).is_windowed

    def test_a_key_without_limits_asks_nobody(self) -> None:
        nobody = Office(Nobody(), on_hangup="drain")
        of = standing()
        assert of.is_free
        terms = nobody.reserving.free(of, HERE)
        assert (terms.hold, terms.on_hangup, terms.address) == (None, "drain", "192.0.2.1")
        asyncio.run(nobody.reserving.check(of))

    @pytest.mark.parametrize(
        "of",
        [
            standing(PREPAID),
            standing(PREPAID, PLANNED),
            standing(PREPAID, PLANNED, PLAN),
            standing(PREPAID, PLANNED, replace(PLAN, daily_nusd=0, ends_ms=NOW_MS + 5)),
            *(standing(**{name: 1}) for name in LimitColumns.__struct_fields__),
        ],
    )
    def test_others_are_not_free(self, of: Standing) -> None:
        assert not of.is_free


class TestChecking:
    async def test_money_alone(self) -> None:
        office = Office()
        of = standing(PREPAID, rpm=1)
        await office.reserve(of)
        await office.reserving.check(of)  # its window is full
        office.meters.raise_spent({"a:3": 1000}, {})
        with pytest.raises(AccessError):
            await office.reserving.check(of)

    async def test_a_missing_plan(self) -> None:
        with pytest.raises(AccessError, match="needs a subscription"):
            await Office().reserving.check(standing(PREPAID, PLANNED))


async def test_limits_that_cannot_be_looked_up() -> None:
    error = await Office(Nobody(Refusal("away", "", None))).refusal(standing(PREPAID))
    assert (error.status, error.type, error.retry_after_s) == (503, "limits_unavailable", 1.0)


class Nobody:
    """Meters that refuse, or must not be asked."""

    def __init__(self, refusal: Refusal | None = None) -> None:
        self._refusal = refusal

    async def check(self, ask: Ask) -> Refusal | None:
        raise AssertionError

    async def reserve(self, ask: Ask) -> Hold | Refusal:
        assert self._refusal is not None
        return self._refusal

    def settle(self, hold: Hold, cost_nusd: int, tokens: int) -> None:
        raise AssertionError

    def raise_spent(self, totals: object, written: object) -> None:
        raise AssertionError

    async def run(self) -> None: ...

    async def close(self) -> None: ...
