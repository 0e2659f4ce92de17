"""What a new store needs before anybody can use it: the operator's account and a first key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from torouter.accounts.keys import add_key, check_key, hash_key
from torouter.errors import ConfigError
from torouter.store import AccountRow, Store
from torouter.units import Secret, new_api_key

__all__ = [
    "FIRST_EMAIL",
    "FIRST_KEY_VARIABLE",
    "Announcement",
    "FirstKey",
    "ensure_account",
    "ensure_first",
]

FIRST_EMAIL: Final = "admin@localhost"
FIRST_KEY_VARIABLE: Final = "TOROUTER_FIRST_KEY"
_NAME: Final = "first key"


class FirstKey(msgspec.Struct, frozen=True, kw_only=True):
    """`key` is the text of a key that was made just now, and otherwise `None`.

    `origin`: `made` just now; `given` by `TOROUTER_FIRST_KEY`, so whoever starts the gateway has it; `kept`: keys exist
    from before.
    """

    key: Secret | None
    origin: Literal["made", "given", "kept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What the gateway tells the operator once it listens. `channels` has one line per channel, without secrets.
    `setup_token` opens the portal's first page, where the first account gets its password; `None` once it has one."""

    url: str
    key: str | None = field(repr=False)
    key_origin: Literal["made", "given", "kept"]
    channels: tuple[str, ...]
    is_demo: bool
    setup_token: str | None = field(default=None, repr=False)


def ensure_account(store: Store) -> AccountRow:
    """The operator's account, made if there is none."""
    with store.transaction():
        return store.first_account() or store.create_account(FIRST_EMAIL, "Administrator", "admin", "unlimited")


def ensure_first(store: Store, pepper: bytes, first_key: str | None) -> FirstKey:
    """Makes the operator's account, and a first key where no key ever existed. Any number of processes may call it.

    `first_key` is the value of `TOROUTER_FIRST_KEY`: that key is made to exist, beside any others. Raises `ConfigError`
    if it is malformed, or was deleted: deleting is for good, and must not be undone by a forgotten variable.
    """
    if first_key is not None:
        check_key(first_key, FIRST_KEY_VARIABLE)
    with store.transaction():
        account = ensure_account(store)
        if first_key is not None:
            _ensure_given(store, pepper, first_key, account)
            return FirstKey(key=None, origin="given")
        if store.list_keys(include_deleted=True, limit=1):
            return FirstKey(key=None, origin="kept")
        key = new_api_key()
        add_key(store, pepper, key, account_id=account.id, name=_NAME)
        return FirstKey(key=Secret(key), origin="made")


def _ensure_given(store: Store, pepper: bytes, key: str, account: AccountRow) -> None:
    found = store.find_key(hash_key(pepper, key))
    if found is None:
        add_key(store, pepper, key, account_id=account.id, name=_NAME)
    elif found.deleted_ms is not None:
        raise ConfigError(
            f"{FIRST_KEY_VARIABLE}: this key was deleted, and a deleted key cannot come back: choose another, or unset "
            "the variable."
        )
