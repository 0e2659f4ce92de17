"""What is kept of a key, and what is refused as one."""

from __future__ import annotations

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torouter.accounts import add_key, check_key, ensure_account, hash_key, shown_parts
from torouter.errors import ConfigError, StoreError
from torouter.store import Store
from torouter.units import new_api_key

PEPPER = bytes(range(32))


class TestHash:
    def test_is_keyed_blake2b_of_32_bytes(self) -> None:
        assert hash_key(PEPPER, "sk-test-1234") == blake2b(b"sk-test-1234", key=PEPPER, digest_size=32).digest()
        # Literal, so that a change of the scheme, which would make every stored key unknown, cannot go unseen.
        assert hash_key(PEPPER, "sk-test-1234").hex() == (
            "6f61fdfad01392951a22297998a539c052b8561a0cc5fcb2cfdbd6b2cf93e8e4"
        )

    def test_takes_bytes_as_they_come_from_the_wire(self) -> None:
        assert hash_key(PEPPER, b"sk-test-1234") == hash_key(PEPPER, "sk-test-1234")

    def test_depends_on_the_pepper(self) -> None:
        assert hash_key(PEPPER, "sk-test-1234") != hash_key(bytes(32), "sk-test-1234")


class TestShownParts:
    def test_of_a_key_of_ours(self) -> None:
        assert shown_parts("sk-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKL") == ("sk-abc…", "IJKL")

    def test_of_a_short_key(self) -> None:
        assert shown_parts("sk-12345678") == ("sk-1…", "78")

    @given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60))
    def test_most_of_a_key_stays_hidden(self, secret: str) -> None:
        head, tail = shown_parts(f"sk-{secret}")
        shown = len(head.removeprefix("sk-").removesuffix("…")) + len(tail)
        assert shown <= len(secret) * 3 / 8


class TestCheck:
    def test_good_ones_pass_as_they_are(self) -> None:
        for key in ("sk-12345678", "sk-test-first-key", "sk-or-v1-a/b+c=.~", new_api_key()):
            assert check_key(key, "TOROUTER_FIRST_KEY") == key

    @pytest.mark.parametrize(
        ("key", "sentence"),
        [
            ("", "TOROUTER_FIRST_KEY: expected a key that starts with 'sk-'."),
            ("pk-1234567890", "TOROUTER_FIRST_KEY: expected a key that starts with 'sk-'."),
            (" sk-1234567890", "TOROUTER_FIRST_KEY: expected a key that starts with 'sk-'."),
            ("sk-1234567", "TOROUTER_FIRST_KEY: expected at least 8 characters after 'sk-', got 7."),
            (
                "sk-12345678 ",
                "TOROUTER_FIRST_KEY: expected printable ASCII characters without spaces after 'sk-'.",
            ),
            (
                "sk-1234\n5678",
                "TOROUTER_FIRST_KEY: expected printable ASCII characters without spaces after 'sk-'.",
            ),
            (
                "sk-ключ-ключ",
                "TOROUTER_FIRST_KEY: expected printable ASCII characters without spaces after 'sk-'.",
            ),
        ],
    )
    def test_others_are_told_what_was_expected(self, key: str, sentence: str) -> None:
        with pytest.raises(ConfigError) as caught:
            check_key(key, "TOROUTER_FIRST_KEY")
        assert caught.value.message == sentence


class TestAddKey:
    def test_the_store_never_sees_the_text(self, store: Store) -> None:
        key = new_api_key()
        row = add_key(store, PEPPER, key, account_id=ensure_account(store).id, name="laptop", models=["gpt-5"])
        assert (row.head, row.tail, row.models, row.group) == (key[:6] + "…", key[-4:], ("gpt-5",), "default")
        assert store.find_key(hash_key(PEPPER, key)) == row
        content = b"".join(path.read_bytes() for path in store.data_dir.iterdir())
        assert b"laptop" in content
        assert key[3:].encode() not in content

    def test_an_unknown_group_is_refused(self, store: Store) -> None:
        with pytest.raises(StoreError, match="There is no group named team"):
            add_key(store, PEPPER, new_api_key(), account_id=ensure_account(store).id, name="x", group="team")
