"""Accounts as operators look after them: nobody locks themself out, and somebody is left who may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from torouter.accounts.office import people, records, tokens
from torouter.accounts.office.desk import Actor, Desk
from torouter.accounts.office.forms import AccountEdit, AccountQuery, AuditQuery, NewAccount, NewKey, NewToken
from torouter.accounts.office.keys import create_key, delete_key
from torouter.accounts.office.office import Office
from torouter.accounts.office.views import AccessView
from torouter.errors import StoreError
from torouter.units import moment

NOW_MS = 1_796_000_000_000

ENDS: list[Callable[[Desk, int], object]] = [
    lambda desk, account_id: people.edit_account(desk, account_id, AccountEdit(role="user")),
    lambda desk, account_id: people.edit_account(desk, account_id, AccountEdit(status="suspended")),
    people.delete_account,
]
IDS = ["demoting", "suspending", "deleting"]


def account(desk: Desk, name: str, role: str = "user") -> int:
    form = NewAccount(email=f"{name}@example.com", role=role)  # type: ignore[arg-type]
    return people.create_account(desk, form).id


def in_the_name_of(desk: Desk, account_id: int) -> Desk:
    return replace(desk, actor=Actor(f"account {account_id}", account_id=account_id))


@pytest.mark.parametrize("end", ENDS, ids=IDS)
class TestAdministrators:
    def test_cannot_end_themselves(self, desk: Desk, end: Callable[[Desk, int], object]) -> None:
        ada, _ = account(desk, "ada", "admin"), account(desk, "eve", "admin")
        with pytest.raises(StoreError, match=r"Nobody can \w+ their own administrator's account") as refused:
            end(in_the_name_of(desk, ada), ada)
        assert (refused.value.kind, refused.value.status, refused.value.code) == ("conflict", 409, "own_account")
        assert (people.get_account(desk, ada).role, people.get_account(desk, ada).status) == ("admin", "active")

    def test_can_end_each_other(self, desk: Desk, end: Callable[[Desk, int], object]) -> None:
        ada, eve = account(desk, "ada", "admin"), account(desk, "eve", "admin")
        end(in_the_name_of(desk, eve), ada)

    def test_one_is_left(self, desk: Desk, end: Callable[[Desk, int], object]) -> None:
        """Whoever asks: a command, too."""
        ada = account(desk, "ada", "admin")
        with pytest.raises(StoreError, match="is the last administrator") as refused:
            end(desk, ada)
        assert (refused.value.status, refused.value.code) == (409, "last_administrator")

    def test_a_token_of_theirs_is_them(self, desk: Desk, end: Callable[[Desk, int], object]) -> None:
        ada, _ = account(desk, "ada", "admin"), account(desk, "eve", "admin")
        made = tokens.create_token(desk, NewToken(name="ci", account_id=ada))
        at_the_desk = Office(desk.store, desk.pepper, now_ms=desk.now_ms).admit(made.secret, "")
        with pytest.raises(StoreError, match="their own"):
            end(at_the_desk, ada)


def test_users_may_be_ended_by_themselves(desk: Desk) -> None:
    account(desk, "ada", "admin")
    bob = account(desk, "bob")
    assert people.delete_account(in_the_name_of(desk, bob), bob).deleted_at is not None


class TestAccess:
    def test_is_told(self, desk: Desk) -> None:
        account(desk, "ada", "admin")
        bob = account(desk, "bob")
        assert people.access_of(desk, bob) == AccessView(has_password=False, sessions=0, seen_at=None)
        people.set_password(desk, bob, "long enough")
        desk.store.open_session(bob, b"a", NOW_MS - 2000, NOW_MS + 1, "")
        desk.store.open_session(bob, b"b", NOW_MS - 1000, NOW_MS + 1, "")
        desk.store.open_session(bob, b"c", NOW_MS - 500, NOW_MS, "")
        told = people.access_of(desk, bob)
        assert told == AccessView(has_password=True, sessions=2, seen_at=moment(NOW_MS - 1000))

    def test_is_taken_away(self, desk: Desk) -> None:
        ada, bob = account(desk, "ada", "admin"), account(desk, "bob")
        people.set_password(desk, bob, "long enough")
        desk.store.open_session(bob, b"a", NOW_MS, NOW_MS + 1, "")
        people.clear_password(desk, bob)
        assert people.access_of(desk, bob) == AccessView(has_password=False, sessions=0, seen_at=None)
        people.clear_password(desk, bob)
        desk.store.open_session(bob, b"b", NOW_MS, NOW_MS + 1, "")
        desk.store.open_session(ada, b"c", NOW_MS, NOW_MS + 1, "")
        assert [people.end_sessions(desk, bob), people.end_sessions(desk, bob)] == [1, 0]
        assert desk.store.find_session(b"c") is not None
        rows = records.list_audit(desk, AuditQuery(object_id=bob), before_id=None, limit=10)
        written = ["account.sessions_ended", "account.password_cleared", "account.password", "account.create"]
        assert [row.action for row in rows] == written, "what changes nothing leaves no row"

    def test_never_ones_own_nor_the_first_accounts(self, desk: Desk) -> None:
        first, eve = account(desk, "ada", "admin"), account(desk, "eve", "admin")
        for account_id in (first, eve):
            people.set_password(desk, account_id, "long enough")
        with pytest.raises(StoreError, match="their own password"):
            people.clear_password(in_the_name_of(desk, eve), eve)
        with pytest.raises(StoreError, match="setup address"):
            people.clear_password(in_the_name_of(desk, eve), first)
        assert all(desk.store.has_password(account_id) for account_id in (first, eve))

    def test_of_nobody(self, desk: Desk) -> None:
        for ask in (people.access_of, people.clear_password, people.end_sessions):
            with pytest.raises(StoreError) as refused:
                ask(desk, 7)
            assert refused.value.kind == "not_found"

    def test_ends_with_the_account(self, desk: Desk) -> None:
        account(desk, "ada", "admin")
        bob = account(desk, "bob")
        desk.store.open_session(bob, b"a", NOW_MS, NOW_MS + 1, "")
        people.delete_account(desk, bob)
        assert desk.store.find_session(b"a") is None


class TestSearching:
    def test_by_a_part_of_address_or_name(self, desk: Desk) -> None:
        for name in ("ada", "bob"):
            account(desk, name)
        people.edit_account(desk, 1, AccountEdit(display_name="Countess 100%_"))

        def found(text: str) -> list[int]:
            return [
                line.account.id for line in people.search_accounts(desk, AccountQuery(text=text), after_id=0, limit=9)
            ]

        assert (found(" ADA@"), found("countess"), found("example"), found("100%_")) == ([1], [1], [1, 2], [1])
        assert found("%") == [1]
        assert found("\\") == []

    def test_counts_keys(self, desk: Desk) -> None:
        bob = account(desk, "bob")
        for name in ("a", "b"):
            create_key(desk, NewKey(name=name, account_id=bob))
        delete_key(desk, 1)
        (line,) = people.search_accounts(desk, AccountQuery(), after_id=0, limit=9)
        assert (line.keys, line.last_used_at) == (1, None)

    def test_an_address_of_a_deleted_account_is_nobodys(self, desk: Desk) -> None:
        account(desk, "ada", "admin")
        bob = account(desk, "bob")
        assert people.find_account(desk, " BOB@example.com").id == bob
        people.delete_account(desk, bob)
        with pytest.raises(StoreError):
            people.find_account(desk, "bob@example.com")
