"""Passwords of people: hashed with Argon2id, and compared without saying who exists."""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from torouter.errors import RequestError

__all__ = ["LEAST_CHARACTERS", "MOST_CHARACTERS", "checked_password", "hash_password", "is_outdated", "is_right"]

LEAST_CHARACTERS: Final = 8
MOST_CHARACTERS: Final = 200

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's first choice of parameters (2026-11): 19 MiB and two passes, about 30 ms of one core."""
_NOBODYS: Final = "$argon2id$v=19$m=19456,t=2,p=1$GGoQe2kJhxAYmQIgvEzv5A$hqi+Uexp+KfhsYE0L4ofhH5WvF0nPRQ2BgGtNc9hZh0"
"""Of a password that nobody knows. It is asked where an account has none, so that both take the same time."""


def checked_password(text: str, field: str = "password") -> str:
    """Any characters, with spaces as they are. Raises `RequestError`."""
    if not LEAST_CHARACTERS <= len(text) <= MOST_CHARACTERS:
        raise RequestError(
            f"{field}: expected {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters.",
            code="password_length",
            param=field,
        )
    return text


def hash_password(text: str) -> str:
    """Takes long and 64 MiB, on purpose."""
    return _HASHER.hash(text.encode("utf-8", "surrogatepass"))


def is_right(password_hash: str | None, text: str) -> bool:
    """Takes as long where there is no hash to compare with."""
    try:
        _HASHER.verify(password_hash or _NOBODYS, text.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Was it made with other parameters than hashes are now?"""
    return _HASHER.check_needs_rehash(password_hash)
