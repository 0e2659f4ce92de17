"""Passwords: hashed slowly, and compared as slowly where there is nothing to compare with."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from torouter.accounts.passwords import _NOBODYS as NOBODYS
from torouter.accounts.passwords import checked_password, hash_password, is_outdated, is_right
from torouter.errors import RequestError


def test_a_hash_is_argon2id_and_salted() -> None:
    one, other = hash_password("the same words"), hash_password("the same words")
    assert one != other
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert is_right(one, "the same words")
    assert not is_right(one, "the same Words")
    assert not is_outdated(one)


def test_nobodys_takes_as_long_as_anybodys() -> None:
    assert extract_parameters(NOBODYS) == extract_parameters(hash_password("some words"))
    assert extract_parameters(NOBODYS).type is Type.ID
    assert not is_right(None, "some words")
    assert not is_right(None, "")


def test_words_of_any_alphabet() -> None:
    text = "пароль 密码 \N{SNOWMAN}\ud800"
    assert is_right(hash_password(text), text)


def test_what_is_no_hash_is_nobodys() -> None:
    assert not is_right("plain text", "plain text")


def test_older_parameters_are_outdated() -> None:
    assert is_outdated(PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("x"))


@pytest.mark.parametrize("text", ["", "1234567", "x" * 201])
def test_lengths(text: str) -> None:
    with pytest.raises(RequestError, match=r"^password: expected 8 to 200 characters\.$"):
        checked_password(text)
    assert checked_password("12345678") == "12345678"
