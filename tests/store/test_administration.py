"""Accounts, groups, plans, subscriptions, prices, tokens and the audit: made, changed, in use, deleted."""

from __future__ import annotations

import pytest

from tests.store.entries import entry, make_accounts_and_keys
from torouter.errors import StoreError
from torouter.store import AuditFilter, LimitColumns, ProcessRow, Store
from torouter.units import wall_ms


class TestAccounts:
    def test_change_and_pages(self, store: Store) -> None:
        make_accounts_and_keys(store, accounts=3)
        changed = store.change_account(2, {"email": "new@b", "billing": "unlimited", "role": "admin"})
        assert (changed.email, changed.billing, changed.role, changed.display_name) == (
            "new@b",
            "unlimited",
            "admin",
            "A 1",
        )
        assert [account.id for account in store.list_accounts(after_id=1, limit=1)] == [2]
        with pytest.raises(StoreError, match=r"There is an account with the address a0@example\.com already"):
            store.change_account(2, {"email": "a0@example.com"})

    def test_a_deleted_one_keeps_its_keys_and_frees_its_address(self, store: Store) -> None:
        make_accounts_and_keys(store)
        deleted = store.delete_account(1)
        assert deleted.deleted_ms is not None
        assert store.get_account(1) == deleted
        assert store.list_accounts() == []
        assert store.list_accounts(include_deleted=True) == [deleted]
        assert store.first_account() is None
        assert [key.id for key in store.list_keys()] == [1]
        assert store.create_account("a0@example.com", "Again", "user").id == 2
        for attempt in (
            lambda: store.change_account(1, {"status": "active"}),
            lambda: store.delete_account(1),
            lambda: store.move_money(1, "top_up", 5, ""),
            lambda: store.get_account(99),
            lambda: store.create_key(account_id=1, group="default", name="", key_hash=b"n", head="", tail=""),
        ):
            with pytest.raises(StoreError, match="There is no account") as caught:
                attempt()
            assert caught.value.kind == "not_found"


class TestMoney:
    def test_a_movement_is_a_row_and_a_new_balance(self, store: Store) -> None:
        make_accounts_and_keys(store, accounts=2)
        assert store.move_money(1, "top_up", 5_000, "invoice 7").balance_nusd == 5_000
        store.write_entries([entry()])
        assert store.move_money(1, "adjustment", -500, "").balance_nusd == 3_500
        rows = store.ledger_page(1)
        assert [(stored.row.kind, stored.row.amount_nusd, stored.row.note) for stored in rows] == [
            ("adjustment", -500, ""),
            ("attempt", -1_000, ""),
            ("top_up", 5_000, "invoice 7"),
        ]
        assert store.ledger_page(1, before_id=rows[0].id, limit=1) == [rows[1]]
        assert store.ledger_page(2) == []
        assert store.attempts_of("") == []

    def test_an_attempt_is_no_movement(self, store: Store) -> None:
        make_accounts_and_keys(store)
        with pytest.raises(StoreError, match="written with the request"):
            store.move_money(1, "attempt", -5, "")
        assert store.ledger_page(1) == []


class TestGroups:
    def test_settings_come_back(self, store: Store) -> None:
        defaults = LimitColumns(rpm=60, cap_nusd=5)
        made = store.create_group("team", {"models": ("a", "b"), "defaults": defaults, "multiplier_ppm": 1_500_000})
        assert (made.models, made.defaults, made.multiplier_ppm, made.billing) == (
            ("a", "b"),
            defaults,
            1_500_000,
            "balance",
        )
        changed = store.change_group(made.id, {"platform": "claude", "billing": "subscription"})
        assert store.get_group("team") == store.get_group(made.id) == changed
        assert (changed.platform, changed.billing, changed.defaults) == ("claude", "subscription", defaults)
        with pytest.raises(StoreError, match="There is a group named default already"):
            store.change_group(made.id, {"name": "default"})
        with pytest.raises(StoreError, match="the groups are: default, team"):
            store.get_group("teem")

    def test_one_in_use_stays(self, store: Store) -> None:
        make_accounts_and_keys(store)
        with pytest.raises(StoreError, match="Group 1 has keys") as caught:
            store.delete_group(1)
        assert caught.value.kind == "conflict"
        assert store.count_keys() == {1: 1}
        team, plan = store.create_group("team"), store.create_plan("p")
        store.set_subscription(1, team.id, plan.id, "paused", 0, None)
        with pytest.raises(StoreError, match="Group 2 has subscriptions"):
            store.delete_group(team.id)
        store.set_subscription(1, team.id, plan.id, "cancelled", 0, None)
        assert store.delete_group(team.id).deleted_ms is not None
        assert [group.name for group in store.list_groups()] == ["default"]
        assert store.create_group("team").id == 3
        with pytest.raises(StoreError, match="There is no group 2"):
            store.change_key(1, {"group_id": 3, "group": 2})


class TestPlans:
    def test_a_subscription_has_its_plans_windows(self, store: Store) -> None:
        make_accounts_and_keys(store, accounts=2)
        plan = store.create_plan("p", daily_nusd=1, weekly_nusd=2, monthly_nusd=3)
        made = store.set_subscription(1, 1, plan.id, "active", 5, None)
        assert (made.daily_nusd, made.weekly_nusd, made.monthly_nusd, made.started_ms) == (1, 2, 3, 5)
        store.change_plan(plan.id, {"daily_nusd": 9})
        (changed,) = store.list_subscriptions(1)
        assert (changed.id, changed.daily_nusd) == (made.id, 9)
        assert store.list_subscriptions(2) == []
        again = store.set_subscription(1, 1, plan.id, "paused", 6, 7)
        assert (again.id, again.status, again.started_ms, again.ends_ms) == (made.id, "paused", 6, 7)
        assert store.list_subscriptions() == [again]

    def test_one_in_use_stays(self, store: Store) -> None:
        make_accounts_and_keys(store)
        plan = store.create_plan("p")
        store.set_subscription(1, 1, plan.id, "active", 0, None)
        with pytest.raises(StoreError, match="Plan 1 has subscriptions"):
            store.delete_plan(plan.id)
        store.set_subscription(1, 1, plan.id, "cancelled", 0, None)
        store.delete_plan(plan.id)
        assert store.list_plans() == []
        assert store.get_plan(plan.id).deleted_ms is not None
        assert store.create_plan("p").id == 2
        with pytest.raises(StoreError, match="There is a plan named p already"):
            store.create_plan("p")

    @pytest.mark.parametrize(("arguments", "word"), [((9, 1, 1), "account"), ((1, 9, 1), "group"), ((1, 1, 9), "plan")])
    def test_of_what_is_not_there(self, store: Store, arguments: tuple[int, int, int], word: str) -> None:
        make_accounts_and_keys(store)
        store.create_plan("p")
        with pytest.raises(StoreError, match=f"There is no {word} 9") as caught:
            store.set_subscription(*arguments, "active", 0, None)
        assert caught.value.kind == "not_found"


def test_prices_stay_for_old_bills(store: Store) -> None:
    rates = {"input_per_mtok": 2_500_000_000, "above": [{"tokens": 200_000}]}
    price = store.add_price("gpt-*", "azure", 5, rates, "list price")
    assert (price.model, price.channel, price.from_ms, price.rates, price.note) == (
        "gpt-*",
        "azure",
        5,
        rates,
        "list price",
    )
    deleted = store.delete_price(price.id)
    assert store.list_prices() == []
    assert store.list_prices(include_deleted=True) == [deleted]
    with pytest.raises(StoreError, match="There is no price 1"):
        store.delete_price(price.id)


def test_the_audit_is_read_backwards(store: Store) -> None:
    before = wall_ms()
    first = store.write_audit("admin", "192.0.2.1", "key.change", "key", 1, {"rpm": 0}, {"rpm": 5})
    second = store.write_audit("admin", "", "group.delete", "group", 1, {"name": "x"}, None)
    third = store.write_audit("token:ci", "", "key.create", "key", 2, None, {"name": "y"})
    assert before <= first.at_ms <= wall_ms()
    assert (first.before, first.after, second.after, third.before) == ({"rpm": 0}, {"rpm": 5}, None, None)
    assert store.audit_page() == [third, second, first]
    assert store.audit_page(before_id=third.id, limit=1) == [second]
    assert store.audit_page(wanted=AuditFilter(object_kind="key")) == [third, first]
    assert store.audit_page(wanted=AuditFilter(object_kind="key", object_id=1)) == [first]
    assert store.audit_page(wanted=AuditFilter(actor="ci")) == [third]
    assert store.audit_page(wanted=AuditFilter(actor="%")) == []
    assert store.audit_page(wanted=AuditFilter(until_ms=first.at_ms)) == []
    assert store.audit_page(wanted=AuditFilter(from_ms=first.at_ms)) == [third, second, first]
    assert store.audit_page(lowest_id=second.id) == [third, second]
    assert [store.audit_floor(None, rows) for rows in (1, 2, 3, 4)] == [third.id, second.id, first.id, None]
    assert store.audit_floor(second.id, 1) == first.id


def test_names_are_found_by_their_ids(store: Store) -> None:
    make_accounts_and_keys(store, accounts=3)
    store.delete_account(2)
    assert {account_id: email.partition(" ")[0] for account_id, email in store.account_emails([1, 2, 9]).items()} == {
        row.id: row.email.partition(" ")[0] for row in store.list_accounts(include_deleted=True) if row.id in (1, 2)
    }
    assert store.account_emails([]) == {}
    keys = store.list_keys()
    assert store.key_names([keys[0].id, 99]) == {keys[0].id: keys[0].name}
    store.delete_key(keys[0].id)
    found = store.keys_of([keys[0].account_id, keys[1].account_id, 99])
    assert found == {keys[0].account_id: (0, None), keys[1].account_id: (1, None)}


def test_the_sessions_of_an_account(store: Store) -> None:
    make_accounts_and_keys(store, accounts=2)
    first = store.open_session(1, b"a", 5, 100, "")
    other = store.open_session(2, b"b", 5, 100, "")
    last = store.open_session(1, b"c", 7, 100, "")
    assert store.list_sessions(1) == [last, first]
    assert (store.end_sessions(1), store.end_sessions(1)) == (2, 0)
    assert store.list_sessions(2) == [other]
    store.set_password(2, "hash")
    assert store.find_password(store.get_account(2).email) == (2, "hash")
    store.set_password(2, None)
    assert not store.has_password(2)


def test_admin_tokens_are_found_by_their_hash(store: Store) -> None:
    make_accounts_and_keys(store)
    token = store.add_admin_token(1, "ci", b"\x01" * 32, "ta-abc…", 5)
    assert store.find_admin_token(b"\x01" * 32) == token
    assert store.find_admin_token(b"\x02" * 32) is None
    store.touch_admin_token(token.id, 7)
    store.touch_admin_token(token.id, 6)
    assert [each.last_used_ms for each in store.list_admin_tokens()] == [7]
    with pytest.raises(StoreError, match="exists already"):
        store.add_admin_token(1, "ci", b"\x01" * 32, "", None)
    store.delete_admin_token(token.id)
    assert store.find_admin_token(b"\x01" * 32) is None
    assert store.list_admin_tokens() == []
    assert len(store.list_admin_tokens(include_deleted=True)) == 1


def test_processes_come_and_go(store: Store) -> None:
    row = ProcessRow(id="a", place="host:1", replica="r", started_ms=1, seen_ms=100, revision=0)
    other = ProcessRow(id="b", place="host:2", replica="r", started_ms=2, seen_ms=50, revision=0)
    store.beat(row)
    store.beat(other)
    assert store.live_processes(0) == [row, other]
    assert store.live_processes(100) == [row]
    later = ProcessRow(id="a", place="host:1", replica="r", started_ms=1, seen_ms=200, revision=7)
    store.beat(later)
    assert store.live_processes(100) == [later]
    store.leave("a")
    store.leave("a")
    assert store.live_processes(0) == [other]
    store.beat(ProcessRow(id="c", place="", replica="", started_ms=9, seen_ms=86_400_000 + 51, revision=0))
    assert [each.id for each in store.live_processes(0)] == ["c"], "one that has been silent for a day is forgotten"
