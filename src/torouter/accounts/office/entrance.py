"""Where people come in: with a password, and then with the token of a session; the first of all with the setup token.

A session's token is random, and only its hash is stored. What proves that a form is ours (`csrf`) is made from it.
The setup token is made from the pepper, so nothing is stored of it either, and every process knows it. It is good
until the first account has a password.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from torouter.accounts.keys import hash_key
from torouter.accounts.office import people
from torouter.accounts.office.desk import NO_CHANNELS, Actor, ChannelRules, Desk
from torouter.accounts.office.forms import AccountEdit
from torouter.accounts.office.views import AccountView, account_view
from torouter.accounts.passwords import checked_password, hash_password, is_outdated, is_right
from torouter.accounts.pepper import derived_key
from torouter.errors import AuthError
from torouter.store import SessionRow, Store
from torouter.units import wall_ms

__all__ = ["IDLE_MS", "LIFETIME_MS", "Entrance", "Opened", "Session", "setup_token_due"]

_DAY_MS: Final = 24 * 60 * 60 * 1000
IDLE_MS: Final = 14 * _DAY_MS
LIFETIME_MS: Final = 90 * _DAY_MS

_TOUCH_MS: Final = 60_000
_TOKEN_BYTES: Final = 32
_MOST_TOKEN_CHARACTERS: Final = 100
_SETUP_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, as of this request. `csrf` stands in each of the session's forms."""

    id: int
    account: AccountView
    csrf: str = field(repr=False)

    @property
    def is_admin(self) -> bool:
        return self.account.role == "admin"


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session. `token` is what the browser keeps."""

    token: str = field(repr=False)
    account_id: int


@dataclass(frozen=True, slots=True)
class Entrance:
    """All of it blocks; whatever looks at a password takes long."""

    store: Store
    pepper: bytes = field(repr=False)
    now_ms: Callable[[], int] = wall_ms
    rules: ChannelRules = NO_CHANNELS

    def sign_in(self, email: str, password: str, address: str) -> Opened:
        """Raises `AuthError`, which says the same whatever was wrong."""
        found = self.store.find_password(email.strip().lower())
        account_id, password_hash = found if found is not None else (0, None)
        if not is_right(password_hash, password) or not self._is_active(account_id):
            raise AuthError("The e-mail address or the password is wrong.", code="wrong_password")
        if password_hash is not None and is_outdated(password_hash):
            self.store.set_password(account_id, hash_password(password))
        return self._open(account_id, address)

    def find(self, token: str) -> Session | None:
        """`None` where there is no such session, or no longer, or its account is not active."""
        row = self._row(token)
        if row is None or not self._is_active(row.account_id):
            return None
        now_ms = self.now_ms()
        if now_ms - row.seen_ms >= _TOUCH_MS:
            self.store.touch_session(row.id, now_ms)
        return Session(row.id, account_view(self.store.get_account(row.account_id)), self.csrf_of(token))

    def sign_out(self, session: Session) -> None:
        self.store.end_session(session.id)

    def desk(self, session: Session, address: str) -> Desk:
        actor = Actor(f"account {session.account.id} ({session.account.email})", address, session.account.id)
        return Desk(self.store, self.pepper, actor, self.now_ms, self.rules)

    def change_password(self, session: Session, current: str, new: str, address: str) -> Opened:
        """Ends every session of the account, and opens one in the place of this. Raises `AuthError`."""
        checked_password(new, "new_password")
        found = self.store.find_password(session.account.email)
        if not is_right(found[1] if found else None, current):
            raise AuthError("The password is wrong.", code="wrong_password", param="password")
        people.set_password(self.desk(session, address), session.account.id, new)
        return self._open(session.account.id, address)

    def may_set_up(self, token: str) -> bool:
        due = setup_token_due(self.store, self.pepper)
        return due is not None and hmac.compare_digest(token.encode("utf-8", "surrogatepass"), due.encode())

    def set_up(self, token: str, email: str, password: str, address: str) -> Opened:
        """Gives the first account its address and its password. Raises `AuthError` for a token that is wrong or used,
        `RequestError`, `StoreError`."""
        checked_password(password)
        account = self.store.first_account()
        desk = Desk(self.store, self.pepper, Actor("setup", address), self.now_ms)
        with desk.changing():
            if account is None or not self.may_set_up(token):
                raise AuthError("This setup address is not good, or no longer.", code="setup_over")
            people.edit_account(desk, account.id, AccountEdit(email=email))
            people.set_password(desk, account.id, password)
        return self._open(account.id, address)

    def csrf_of(self, token: str) -> str:
        key = derived_key(self.pepper, "portal forms")
        return blake2b(token.encode("utf-8", "surrogatepass"), key=key, digest_size=20).hexdigest()

    def _open(self, account_id: int, address: str) -> Opened:
        token, now_ms = secrets.token_urlsafe(_TOKEN_BYTES), self.now_ms()
        self.store.sweep_sessions(now_ms, IDLE_MS)
        self.store.open_session(account_id, hash_key(self.pepper, token), now_ms, now_ms + LIFETIME_MS, address)
        return Opened(token, account_id)

    def _row(self, token: str) -> SessionRow | None:
        if not token or len(token) > _MOST_TOKEN_CHARACTERS:
            return None
        row = self.store.find_session(hash_key(self.pepper, token.encode("utf-8", "surrogatepass")))
        now_ms = self.now_ms()
        is_good = row is not None and now_ms < row.expires_ms and now_ms < row.seen_ms + IDLE_MS
        return row if is_good else None

    def _is_active(self, account_id: int) -> bool:
        if not account_id:
            return False
        account = self.store.get_account(account_id)
        return account.status == "active" and account.deleted_ms is None


def setup_token_due(store: Store, pepper: bytes) -> str | None:
    """`None` once the first account has a password."""
    account = store.first_account()
    if account is None or store.has_password(account.id):
        return None
    return b32encode(derived_key(pepper, f"setup {account.id}")[:_SETUP_BYTES]).decode().lower()
