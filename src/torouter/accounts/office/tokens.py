"""Admin tokens: made and shown once, found by a keyed hash, revoked."""

from __future__ import annotations

import secrets
import string
from typing import Final

from msgspec import UNSET

from torouter.accounts.first import ensure_account
from torouter.accounts.keys import hash_key
from torouter.accounts.office import fields
from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import NewToken
from torouter.accounts.office.views import MadeToken, TokenView, token_view
from torouter.errors import StoreError

__all__ = ["create_token", "list_tokens", "revoke_token"]

_PREFIX: Final = "tra-"

_ALPHABET: Final = string.ascii_letters + string.digits
_LENGTH: Final = 48
_SHOWN: Final = 3


def create_token(desk: Desk, form: NewToken) -> MadeToken:
    """Raises `StoreError`: `not_found` for an account that is not there, `conflict` for one that is no administrator,
    whose token would be refused."""
    secret = _PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    with desk.changing():
        account = ensure_account(desk.store) if form.account_id is UNSET else desk.store.get_account(form.account_id)
        if account.deleted_ms is not None:
            raise StoreError(f"Account {account.id} was deleted.", kind="not_found")
        if account.role != "admin":
            raise StoreError(f"Account {account.id} is no administrator.", kind="conflict")
        row = desk.store.add_admin_token(
            account_id=account.id,
            name=fields.name(form.name),
            token_hash=hash_key(desk.pepper, secret),
            head=f"{secret[: len(_PREFIX) + _SHOWN]}…",
            expires_ms=fields.expiry_ms(form.expires_in_days, desk.now_ms()),
        )
        made = token_view(row)
        desk.record("token.create", row.id, None, made)
    return MadeToken(secret=secret, token=made)


def list_tokens(desk: Desk) -> list[TokenView]:
    return [token_view(row) for row in desk.store.list_admin_tokens()]


def revoke_token(desk: Desk, token_id: int) -> TokenView:
    """It is refused from the next request on."""
    with desk.changing():
        before = next((row for row in desk.store.list_admin_tokens() if row.id == token_id), None)
        if before is None or before.deleted_ms is not None:
            raise StoreError(f"There is no token {token_id}.", kind="not_found")
        desk.store.delete_admin_token(token_id)
        desk.record("token.revoke", token_id, token_view(before), None)
    return token_view(before)
