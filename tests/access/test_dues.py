from __future__ import annotations

import pytest
from msgspec.structs import replace

from torouter.access.dues import Dues, dues_of
from torouter.access.keyring import Account, Group, Key, Subscription
from torouter.access.limits import effective, windows_of
from torouter.ledger.meters import Meter, Window
from torouter.store import LimitColumns, PlanWindow

DAY_MS = 24 * 60 * 60 * 1000
KEY = Key(id=7, account_id=3, group_id=1)
PREPAID = Account(id=3, billing="prepaid", credited_nusd=500)
UNLIMITED = Account(id=3, billing="unlimited")
BALANCE = Group(id=1, name="default")
PLANNED = Group(id=1, name="gold", billing="subscription")
SUBSCRIPTION = Subscription(
    id=5, account_id=3, group_id=1, status="active", started_ms=1000, daily_nusd=1, weekly_nusd=2, monthly_nusd=3
)
CAPPED = LimitColumns(cap_nusd=100)


def dues(
    account: Account = PREPAID,
    group: Group = BALANCE,
    subscription: Subscription | None = None,
    limits: LimitColumns = CAPPED,
    now_ms: int = 1000,
) -> Dues:
    return dues_of(KEY, account, group, subscription, limits, now_ms)


def test_the_keys_cap_comes_before_the_balance() -> None:
    assert dues().money == (Meter("k:7", 100), Meter("a:3", 500))
    assert dues(limits=LimitColumns()).money == (Meter("a:3", 500),)


def test_an_empty_balance_is_a_limit_of_nothing() -> None:
    assert dues(Account(id=3, billing="prepaid"), limits=LimitColumns()).money == (Meter("a:3", 0),)


def test_an_unlimited_account_owes_only_what_its_key_is_held_to() -> None:
    for group in (BALANCE, PLANNED):
        assert dues(UNLIMITED, group) == Dues(money=(Meter("k:7", 100),))
        assert dues(UNLIMITED, group, limits=LimitColumns()) == Dues()


def test_the_group_decides_who_pays() -> None:
    found = dues(group=PLANNED, subscription=SUBSCRIPTION)
    assert found.money == (
        Meter("k:7", 100),
        Meter("p:5:day:1000", 1),
        Meter("p:5:week:1000", 2),
        Meter("p:5:month:1000", 3),
    )
    assert found.plan_windows == (PlanWindow(5, "day", 1000), PlanWindow(5, "week", 1000), PlanWindow(5, "month", 1000))
    assert "a:3" in dict(dues(subscription=SUBSCRIPTION).money)


def test_windows_follow_each_other_from_the_start_of_the_subscription() -> None:
    found = dues(group=PLANNED, subscription=SUBSCRIPTION, now_ms=1000 + 8 * DAY_MS + 1)
    day_ms, week_ms, month_ms = 1000 + 8 * DAY_MS, 1000 + 7 * DAY_MS, 1000
    assert [window.started_ms for window in found.plan_windows] == [day_ms, week_ms, month_ms]
    assert found.until_ms == day_ms + DAY_MS
    assert found.ends_ms == {
        f"p:5:day:{day_ms}": day_ms + DAY_MS,
        f"p:5:week:{week_ms}": week_ms + 7 * DAY_MS,
        f"p:5:month:{month_ms}": month_ms + 30 * DAY_MS,
    }
    assert (
        dues(group=PLANNED, subscription=SUBSCRIPTION, now_ms=1000 + DAY_MS).plan_windows[0].started_ms == 1000 + DAY_MS
    )


def test_a_plan_has_the_windows_that_it_names() -> None:
    weekly = replace(SUBSCRIPTION, daily_nusd=0, monthly_nusd=0)
    assert [window.window for window in dues(group=PLANNED, subscription=weekly).plan_windows] == ["week"]
    nothing = replace(weekly, weekly_nusd=0)
    assert dues(group=PLANNED, subscription=nothing, limits=LimitColumns()) == Dues()


@pytest.mark.parametrize(
    ("subscription", "type_", "words"),
    [
        (None, "SUBSCRIPTION_NOT_FOUND", "gold needs a subscription"),
        (replace(SUBSCRIPTION, status="paused"), "SUBSCRIPTION_INVALID", "paused"),
        (replace(SUBSCRIPTION, status="cancelled"), "SUBSCRIPTION_INVALID", "cancelled"),
        (replace(SUBSCRIPTION, ends_ms=1000), "SUBSCRIPTION_INVALID", "over"),
        (replace(SUBSCRIPTION, started_ms=1001), "SUBSCRIPTION_INVALID", "not begun"),
    ],
)
def test_a_plan_that_is_not_in_force(subscription: Subscription | None, type_: str, words: str) -> None:
    found = dues(group=PLANNED, subscription=subscription)
    assert found.money == (Meter("k:7", 100),)
    assert found.fault is not None
    assert found.fault.type == type_
    assert words in found.fault.message


def test_dues_hold_until_the_plan_begins_or_ends() -> None:
    assert dues(group=PLANNED, subscription=replace(SUBSCRIPTION, started_ms=2000)).until_ms == 2000
    assert dues(group=PLANNED, subscription=replace(SUBSCRIPTION, ends_ms=3000)).until_ms == 3000
    assert dues().until_ms is None


def test_a_key_has_its_own_limits_and_its_groups_where_it_has_none() -> None:
    own, defaults = LimitColumns(rpm=1, cap_nusd=2), LimitColumns(rpm=9, limit_7d=8, tpm=7)
    assert effective(own, defaults) == LimitColumns(rpm=1, cap_nusd=2, limit_7d=8, tpm=7)
    assert effective(own, LimitColumns()) is own


def test_windows_stand_by_their_length() -> None:
    assert windows_of(LimitColumns(limit_7d=4, rpm=1, limit_1d=3)) == (
        Window("1m", 1),
        Window("1d", 3),
        Window("7d", 4),
    )
    assert windows_of(LimitColumns(tpm=5, concurrency=6)) == ()
