"""What the office does, on both engines."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import asdict

from torouter.accounts import hash_key
from torouter.accounts.office import groups, keys, people, plans, prices, records, tokens
from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import (
    AccountEdit,
    Adjustment,
    AuditQuery,
    DefaultLimits,
    GroupEdit,
    KeyEdit,
    NewAccount,
    NewGroup,
    NewKey,
    NewPlan,
    NewPrice,
    NewToken,
    PlanEdit,
    Refund,
    Replacement,
    SubscriptionEdit,
    SubscriptionForm,
    TopUp,
)
from torouter.accounts.office.office import Office
from torouter.accounts.office.refused import filled
from torouter.errors import AccessError, AuthError, StoreError
from torouter.ledger.rates import Rates
from torouter.store import ProcessRow
from torouter.units import Secret, moment

NOW = moment(1_796_000_000_000)
DAY_MS = 86_400_000


def account(desk: Desk, name: str = "ada", role: str = "user") -> int:
    form = NewAccount(email=f"{name}@example.com", role=role)  # type: ignore[arg-type]
    return people.create_account(desk, form).id


class TestKeys:
    def test_the_secret_finds_the_key(self, desk: Desk) -> None:
        made = keys.create_key(desk, NewKey(name=" laptop ", models=[" gpt-5"], expires_in_days=30))
        row = desk.store.find_key(hash_key(desk.pepper, made.secret))
        assert row is not None
        assert (row.id, row.name, row.models) == (made.key.id, "laptop", ("gpt-5",))
        assert made.key.expires_at == NOW + timedelta(days=30)
        assert made.secret.startswith(made.key.shown.partition("…")[0])

    def test_an_expiry_is_named_in_days_or_as_a_time_or_taken_away(self, desk: Desk) -> None:
        key_id = keys.create_key(desk, NewKey(name="a")).key.id
        at = datetime(2027, 1, 1, tzinfo=UTC)
        assert keys.edit_key(desk, key_id, KeyEdit(expires_at=at)).expires_at == at
        assert keys.edit_key(desk, key_id, KeyEdit(expires_in_days=1)).expires_at == NOW + timedelta(days=1)
        assert keys.edit_key(desk, key_id, KeyEdit(expires_in_days=0)).expires_at is None

    def test_rotation_takes_over_every_setting(self, desk: Desk) -> None:
        groups.create_group(desk, NewGroup(name="research"))
        old = keys.create_key(
            desk,
            NewKey(
                name="a", group="research", models=["m"], cap_usd="5", rpm=7, tpm=8, limit_5h=1, limit_1d=2, limit_7d=3,
                concurrency=4, ip_allow=["10.0.0.0/8"], ip_deny=["10.1.0.0/16"], is_strict=True, on_hangup="drain",
                keep_responses=False, expires_in_days=90,
            ),
        )  # fmt: skip
        keys.edit_key(desk, old.key.id, KeyEdit(status="disabled"))
        before = asdict(keys.get_key(desk, old.key.id))
        made = keys.rotate_key(desk, old.key.id, Replacement())
        changed = {name for name, value in asdict(made.key).items() if value != before[name]}
        assert changed == {"id", "shown", "created_at", "replaces_id"}
        assert made.key.replaces_id == old.key.id
        assert made.secret != old.secret

    def test_without_overlap_the_old_key_is_deleted(self, desk: Desk) -> None:
        old = keys.create_key(desk, NewKey(name="a"))
        keys.rotate_key(desk, old.key.id, Replacement())
        row = desk.store.find_key(hash_key(desk.pepper, old.secret))
        assert row is not None
        assert row.deleted_ms is not None
        with pytest.raises(StoreError, match="was deleted"):
            keys.rotate_key(desk, old.key.id, Replacement())

    @pytest.mark.parametrize(("days", "expected_s"), [(0, 3600), (1, 3600), (1, 90_000)])
    def test_with_overlap_it_ends_then_and_not_later_than_before(self, desk: Desk, days: int, expected_s: int) -> None:
        old = keys.create_key(desk, NewKey(name="a", expires_in_days=days))
        made = keys.rotate_key(desk, old.key.id, Replacement(overlap_s=expected_s))
        expected = NOW + timedelta(seconds=min(expected_s, 86_400))
        assert keys.get_key(desk, old.key.id).expires_at == expected
        assert made.key.expires_at == old.key.expires_at

    def test_a_sessions_key_stays_what_it_is_until_it_is_deleted(self, desk: Desk) -> None:
        session_id = desk.store.open_session(account(desk), b"s", 0, 1, "").id
        made = keys.create_session_key(desk, session_id, 1, "default")
        assert (made.key.is_session, made.key.expires_at) == (True, NOW + timedelta(hours=1))
        for act in (
            lambda: keys.edit_key(desk, made.key.id, KeyEdit(expires_in_days=0)),
            lambda: keys.rotate_key(desk, made.key.id, Replacement()),
        ):
            with pytest.raises(StoreError, match="of a session of the portal") as caught:
                act()
            assert caught.value.kind == "conflict"
        assert keys.get_key(desk, made.key.id) == made.key
        assert keys.delete_key(desk, made.key.id).deleted_at is not None

    def test_a_session_that_has_ended_gets_no_key(self, desk: Desk) -> None:
        session_id = desk.store.open_session(account(desk), b"s", 0, 1, "").id
        desk.store.end_session(session_id)
        with pytest.raises(AuthError, match="session is over"):
            keys.create_session_key(desk, session_id, 1, "default")
        assert desk.store.list_keys(include_deleted=True) == []

    def test_a_deleted_key_is_not_there(self, desk: Desk) -> None:
        key_id = keys.create_key(desk, NewKey(name="a")).key.id
        keys.delete_key(desk, key_id)
        for act in (
            lambda: keys.get_key(desk, key_id),
            lambda: keys.edit_key(desk, key_id, KeyEdit(rpm=1)),
            lambda: keys.edit_key(desk, key_id, KeyEdit()),
            lambda: keys.delete_key(desk, key_id),
        ):
            with pytest.raises(StoreError) as refused:
                act()
            assert refused.value.kind == "not_found"


class TestMoney:
    def test_it_is_exact_to_the_nano_dollar(self, desk: Desk) -> None:
        account_id = account(desk)
        for amount in ("0.1", "0.2", "999999.999999999", "0.000000001"):
            people.move_money(desk, account_id, TopUp(amount_usd=amount))
        assert people.get_account(desk, account_id).balance_usd == "1000000.30"
        after = people.move_money(desk, account_id, Adjustment(amount_usd="-0.30", note="counted twice"))
        assert (after.balance_usd, after.credited_usd) == ("1000000.00", "1000000.00")
        amounts = [row.amount_usd for row in people.list_movements(desk, account_id, before_id=None, limit=10)]
        assert amounts == ["-0.30", "0.000000001", "999999.999999999", "0.20", "0.10"]

    def test_no_more_is_given_back_than_there_is(self, desk: Desk) -> None:
        account_id = account(desk)
        people.move_money(desk, account_id, TopUp(amount_usd="5"))
        with pytest.raises(StoreError, match=r"is 5\.00 USD"):
            people.move_money(desk, account_id, Refund(amount_usd="5.000000001"))
        assert people.move_money(desk, account_id, Refund(amount_usd="5", note="all")).balance_usd == "0.00"
        with pytest.raises(StoreError):
            people.move_money(desk, account_id, Refund(amount_usd="0.01"))
        rows = people.list_movements(desk, account_id, before_id=None, limit=10)
        assert [(row.kind, row.amount_usd, row.note) for row in rows] == [
            ("refund", "-5.00", "all"),
            ("top_up", "5.00", ""),
        ]

    def test_an_adjustment_may_owe(self, desk: Desk) -> None:
        account_id = account(desk)
        assert people.move_money(desk, account_id, Adjustment(amount_usd="-1")).balance_usd == "-1.00"
        with pytest.raises(StoreError):
            people.move_money(desk, account_id, Refund(amount_usd="1"))

    def test_movements_come_page_by_page(self, desk: Desk) -> None:
        account_id = account(desk)
        for amount in range(5):
            people.move_money(desk, account_id, TopUp(amount_usd=str(amount)))
        first = people.list_movements(desk, account_id, before_id=None, limit=2)
        second = people.list_movements(desk, account_id, before_id=first[-1].id, limit=9)
        assert [row.amount_usd for row in (*first, *second)] == ["4.00", "3.00", "2.00", "1.00", "0.00"]


class TestTogether:
    """What many do at the same time is as if they had done it one after the other."""

    def test_a_balance_is_given_back_once(self, desk: Desk) -> None:
        account_id = account(desk)
        people.move_money(desk, account_id, TopUp(amount_usd="5"))
        assert at_once(8, lambda _: people.move_money(desk, account_id, Refund(amount_usd="5"))) == 1
        assert people.get_account(desk, account_id).balance_usd == "0.00"

    def test_one_administrator_stays(self, desk: Desk) -> None:
        admins = [account(desk, f"admin{number}", "admin") for number in range(6)]
        done = at_once(6, lambda number: people.edit_account(desk, admins[number], AccountEdit(role="user")))
        assert done == 5
        assert [row.role for row in people.list_accounts(desk, after_id=0, limit=None)].count("admin") == 1

    def test_default_limits_of_a_group_are_all_kept(self, desk: Desk) -> None:
        names = ("limit_5h", "limit_1d", "limit_7d", "rpm", "tpm", "concurrency")
        made = groups.create_group(desk, NewGroup(name="a"))

        def set_one(number: int) -> object:
            defaults = filled(DefaultLimits, {names[number]: number + 1})
            return groups.edit_group(desk, made.id, GroupEdit(defaults=defaults))

        assert at_once(6, set_one) == 6
        after = groups.get_group(desk, made.id).defaults
        assert [getattr(after, name) for name in names] == [1, 2, 3, 4, 5, 6]


def at_once(count: int, act: Callable[[int], object]) -> int:
    """How many of so many were not refused."""
    barrier = threading.Barrier(count)

    def run(number: int) -> bool:
        barrier.wait(20)
        try:
            act(number)
        except StoreError as error:
            if error.kind != "conflict":
                raise
            return False
        return True

    with ThreadPoolExecutor(count) as threads:
        return sum(threads.map(run, range(count)))


class TestAccounts:
    def test_the_last_administrator_stays_one(self, desk: Desk) -> None:
        first = account(desk, "first", "admin")
        for change in (AccountEdit(role="user"), AccountEdit(status="suspended")):
            with pytest.raises(StoreError, match="the last administrator"):
                people.edit_account(desk, first, change)
        with pytest.raises(StoreError, match="the last administrator"):
            people.delete_account(desk, first)
        second = account(desk, "second", "admin")
        people.edit_account(desk, second, AccountEdit(status="suspended"))
        with pytest.raises(StoreError):
            people.delete_account(desk, first)
        people.edit_account(desk, second, AccountEdit(status="active"))
        people.delete_account(desk, first)
        assert [row.id for row in people.list_accounts(desk, after_id=0, limit=None)] == [second]

    def test_an_address_is_given_once(self, desk: Desk) -> None:
        first, second = account(desk, "ada"), account(desk, "grace")
        with pytest.raises(StoreError) as refused:
            people.edit_account(desk, second, AccountEdit(email="ADA@example.com"))
        assert refused.value.kind == "conflict"
        people.delete_account(desk, first)
        assert people.edit_account(desk, second, AccountEdit(email="ADA@example.com")).email == "ada@example.com"


class TestGroups:
    def test_defaults_are_changed_one_by_one(self, desk: Desk) -> None:
        made = groups.create_group(desk, NewGroup(name="a", defaults=DefaultLimits(rpm=5, cap_usd="2.50")))
        after = groups.edit_group(desk, made.id, GroupEdit(defaults=DefaultLimits(tpm=9, rpm=0)))
        assert (after.defaults.rpm, after.defaults.tpm, after.defaults.cap_usd) == (0, 9, "2.50")

    def test_one_that_is_used_stays(self, desk: Desk) -> None:
        made = groups.create_group(desk, NewGroup(name="a"))
        key_id = keys.create_key(desk, NewKey(name="a", group="a")).key.id
        with pytest.raises(StoreError) as refused:
            groups.delete_group(desk, made.id)
        assert refused.value.kind == "conflict"
        keys.delete_key(desk, key_id)
        groups.delete_group(desk, made.id)
        assert [row.name for row in groups.list_groups(desk)] == ["default"]
        with pytest.raises(StoreError):
            groups.get_group(desk, made.id)


class TestPlans:
    def test_a_subscription_has_its_plans_windows(self, desk: Desk) -> None:
        account_id = account(desk)
        small = plans.create_plan(desk, NewPlan(name="small", daily_usd="1"))
        large = plans.create_plan(desk, NewPlan(name="large", monthly_usd="100"))
        made = plans.subscribe(desk, SubscriptionForm(account_id=account_id, group="default", plan_id=small.id))
        assert (made.daily_usd, made.status, made.started_at) == ("1.00", "active", NOW)
        later = replace(desk, now_ms=lambda: 1_796_000_000_000 + DAY_MS)
        again = plans.subscribe(later, SubscriptionForm(account_id=account_id, group="default", plan_id=large.id))
        assert (again.id, again.daily_usd, again.monthly_usd, again.started_at) == (made.id, "0.00", "100.00", NOW)
        plans.edit_plan(desk, large.id, PlanEdit(monthly_usd="200"))
        (shown,) = plans.list_subscriptions(desk, account_id=account_id)
        assert shown.monthly_usd == "200.00"
        assert plans.list_subscriptions(desk, account_id=account_id + 1) == []

    def test_an_edit_of_a_subscription_touches_what_it_names(self, desk: Desk) -> None:
        plan = plans.create_plan(desk, NewPlan(name="small", daily_usd="1"))
        form = SubscriptionForm(account_id=account(desk), group="default", plan_id=plan.id, ends_at=NOW)
        made = plans.subscribe(desk, form)
        paused = plans.edit_subscription(desk, made.id, SubscriptionEdit(status="paused"))
        assert asdict(paused) == asdict(made) | {"status": "paused"}
        endless = plans.edit_subscription(desk, made.id, SubscriptionEdit(ends_at=None))
        assert asdict(endless) == asdict(paused) | {"ends_at": None}
        with pytest.raises(StoreError) as refused:
            plans.delete_plan(desk, plan.id)
        assert refused.value.kind == "conflict"
        plans.edit_subscription(desk, made.id, SubscriptionEdit(status="cancelled"))
        plans.delete_plan(desk, plan.id)


def test_prices_are_added_and_ended(desk: Desk) -> None:
    rates = Rates(input_per_mtok=1_250_000_000, output_per_mtok=10_000_000_000)
    first = prices.add_price(desk, NewPrice(model="gpt-5*", rates=rates, note="contract"))
    second = prices.add_price(desk, NewPrice(model="gpt-5*", rates=rates, from_at=NOW + timedelta(days=9)))
    assert (first.from_at, second.from_at) == (NOW, NOW + timedelta(days=9))
    prices.end_price(desk, first.id)
    assert [row.id for row in prices.list_prices(desk, include_deleted=False)] == [second.id]
    shown = prices.list_prices(desk, include_deleted=True)[0]
    assert (shown.rates, shown.note, shown.deleted_at is None) == (rates, "contract", False)
    with pytest.raises(StoreError):
        prices.end_price(desk, first.id)


class TestTokens:
    def test_a_life(self, desk: Desk) -> None:
        made = tokens.create_token(desk, NewToken(name="ci", expires_in_days=2))
        now_ms = desk.now_ms()
        office = Office(desk.store, desk.pepper, now_ms=lambda: now_ms)
        assert made.secret.startswith("tra-")
        assert office.admit(made.secret, "").actor.name == f"token {made.token.id} (ci)"
        now_ms += 2 * DAY_MS
        with pytest.raises(AuthError, match="has expired"):
            office.admit(made.secret, "")
        now_ms -= 1
        office.admit(made.secret, "")
        tokens.revoke_token(desk, made.token.id)
        with pytest.raises(AuthError, match="is not known"):
            office.admit(made.secret, "")
        assert tokens.list_tokens(desk) == []

    def test_only_an_administrators(self, desk: Desk) -> None:
        account(desk, "first", "admin")
        second = account(desk, "second", "admin")
        made = tokens.create_token(desk, NewToken(name="ci", account_id=second))
        office = Office(desk.store, desk.pepper)
        for change, undo in (
            (AccountEdit(role="user"), AccountEdit(role="admin")),
            (AccountEdit(status="suspended"), AccountEdit(status="active")),
        ):
            people.edit_account(desk, second, change)
            with pytest.raises(AccessError):
                office.admit(made.secret, "")
            people.edit_account(desk, second, undo)
            office.admit(made.secret, "")
        people.delete_account(desk, second)
        with pytest.raises(AccessError):
            office.admit(made.secret, "")
        with pytest.raises(StoreError) as refused:
            tokens.create_token(desk, NewToken(name="ci", account_id=account(desk, "third")))
        assert refused.value.kind == "conflict"

    def test_a_key_is_no_token(self, desk: Desk) -> None:
        secret = keys.create_key(desk, NewKey(name="a")).secret
        with pytest.raises(AuthError):
            Office(desk.store, desk.pepper).admit(secret, "")

    def test_without_the_operators_variable_nothing_stands_for_it(self, desk: Desk) -> None:
        for unset in (None, Secret("")):
            with pytest.raises(AuthError):
                Office(desk.store, desk.pepper, unset).admit("", "")


def test_records(desk: Desk) -> None:
    keys.create_key(desk, NewKey(name="a"))
    (row,) = records.list_audit(desk, AuditQuery(object_kind="key"), before_id=None, limit=10)
    assert (row.actor, row.address, row.action, row.before) == ("test", "203.0.113.9", "key.create", None)
    now_ms = desk.now_ms()
    for number, seen_ms in (("old", now_ms - 60_000), ("new", now_ms)):
        desk.store.beat(ProcessRow(id=number, place="host", replica="r", started_ms=0, seen_ms=seen_ms, revision=1))
    assert [one.id for one in records.list_processes(desk)] == ["new"]
