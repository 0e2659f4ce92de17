"""What is kept of a key: a keyed hash to find it by, and its first and last characters to recognise it by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from torouter.errors import ConfigError
from torouter.store import KeyRow, Store

__all__ = ["DEFAULT_GROUP", "HASH_BYTES", "add_key", "check_key", "hash_key", "shown_parts"]

DEFAULT_GROUP: Final = "default"
"""The group that every store has from its first migration on."""

HASH_BYTES: Final = 32

_PREFIX: Final = "sk-"
_FORM: Final = re.compile(r"sk-[!-~]{8,}")


def hash_key(pepper: bytes, key: str | bytes) -> bytes:
    """32 bytes. Keys are random and long, so a fast hash is enough; the pepper makes a stolen store useless alone."""
    return blake2b(key.encode() if isinstance(key, str) else key, key=pepper, digest_size=HASH_BYTES).digest()


def check_key(key: str, source: str) -> str:
    """A key that the operator chose, as it is. Raises `ConfigError`, which names the source and never the key."""
    if not key.startswith(_PREFIX):
        raise ConfigError(f"{source}: expected a key that starts with 'sk-'.")
    if any(not "!" <= character <= "~" for character in key):
        raise ConfigError(f"{source}: expected printable ASCII characters without spaces after 'sk-'.")
    if not _FORM.fullmatch(key):
        raise ConfigError(f"{source}: expected at least 8 characters after 'sk-', got {len(key) - len(_PREFIX)}.")
    return key


def shown_parts(key: str) -> tuple[str, str]:
    """(head, tail) as they may be shown for ever: `sk-abc…` and the last four characters, or fewer of a short key:
    at most an eighth and a quarter of its secret part."""
    secret = key.removeprefix(_PREFIX)
    head, tail = min(3, len(secret) // 8), min(4, len(secret) // 4)
    return f"{_PREFIX}{secret[:head]}…", secret[len(secret) - tail :]


def add_key(
    store: Store,
    pepper: bytes,
    key: str,
    *,
    account_id: int,
    name: str,
    group: str = DEFAULT_GROUP,
    models: Sequence[str] = (),
    expires_ms: int | None = None,
    keep_responses: bool | None = None,
) -> KeyRow:
    """Enters a key into the store, where its text does not go. Raises `StoreError` for a group that does not exist."""
    head, tail = shown_parts(key)
    return store.create_key(
        account_id=account_id,
        group=group,
        name=name,
        key_hash=hash_key(pepper, key),
        head=head,
        tail=tail,
        models=models,
        expires_ms=expires_ms,
        keep_responses=keep_responses,
    )
