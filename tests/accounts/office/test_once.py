"""What was asked for twice is done once: kept with its answer, sealed, for its actor and its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from torouter.accounts.office import people
from torouter.accounts.office.desk import Actor, Desk
from torouter.accounts.office.forms import NewAccount
from torouter.accounts.office.once import do_once
from torouter.accounts.office.views import AccountView
from torouter.errors import StoreError

FORM = NewAccount(email="ada@example.com")


class Secret(msgspec.Struct):
    text: str


def count(desk: Desk, words: Sequence[str], keep_ms: int = 1000) -> int:
    """How often it was done, as the one who asks is told."""
    found = desk.store.list_accounts()
    return do_once(desk, words, int, keep_ms, lambda: len(found) + bool(people.create_account(desk, numbered(found))))


def numbered(found: Sequence[object]) -> NewAccount:
    return NewAccount(email=f"{len(found)}@example.com")


def test_whoever_asks_again_is_given_the_same(desk: Desk) -> None:
    made = [do_once(desk, ["a"], AccountView, 1000, lambda: people.create_account(desk, FORM)) for _ in range(2)]
    assert made[0] == made[1] == people.find_account(desk, "ada@example.com")
    assert len(desk.store.audit_page()) == 1


def test_other_words_another_actor_and_a_later_time_are_another(desk: Desk) -> None:
    other = replace(desk, actor=Actor("somebody else"))
    for _ in range(2):
        assert [count(desk, ["a", "b"]), count(desk, ["ab", ""]), count(desk, ["a"]), count(other, ["a"])] == [
            1,
            2,
            3,
            4,
        ]
    later = replace(desk, now_ms=lambda: desk.now_ms() + 1000)
    assert [count(later, ["a", "b"]), count(later, ["a", "b"])] == [5, 5]


def test_any_text_may_be_a_word(desk: Desk) -> None:
    for words in ([], [""], ["\udcff"], ["a" * 100_000]):
        assert count(desk, words) == count(desk, words)


def test_what_failed_may_be_tried_again(desk: Desk) -> None:
    """Nothing of it is left."""

    def fail() -> int:
        people.create_account(desk, FORM)
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        do_once(desk, ["a"], int, 1000, fail)
    assert desk.store.list_accounts() == []
    assert count(desk, ["a"]) == count(desk, ["a"]) == 1


def test_an_answer_is_sealed_and_opens_under_its_own_words_only(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[tuple[bytes, bytes]] = []
    keep = desk.store.keep_done

    def watch(name: bytes, sealed: bytes, expires_ms: int) -> None:
        kept.append((name, sealed))
        keep(name, sealed, expires_ms)

    monkeypatch.setattr(desk.store, "keep_done", watch)
    for word in ("a", "b"):
        do_once(desk, [word], Secret, 1000, lambda: Secret("sk-something"))
    (a, of_a), (_, of_b) = kept
    assert b"sk-something" not in of_a
    assert len(of_a) == len(of_b)
    keep(a, of_b, desk.now_ms() + 1000)
    with pytest.raises(StoreError, match="encrypted with another secret, or is damaged"):
        do_once(desk, ["a"], Secret, 1000, lambda: Secret("another"))
