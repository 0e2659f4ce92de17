"""Who may come to the desk: holders of an admin token, whose account is an active administrator's."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from torouter.accounts.keys import hash_key
from torouter.accounts.office.desk import NO_CHANNELS, Actor, ChannelRules, Desk
from torouter.accounts.office.views import ProcessView, process_view
from torouter.accounts.propagation import wait_until_everywhere
from torouter.errors import AccessError, AuthError, StoreError
from torouter.store import AccountRow, AdminTokenRow, Store
from torouter.units import Secret, wall_ms

__all__ = ["Office", "waiting_for"]

_OPERATOR: Final = "TOROUTER_ADMIN_TOKEN"

_TOUCH_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Office:
    """`admin_token` is the operator's from `TOROUTER_ADMIN_TOKEN`, which needs no account. All of it blocks."""

    store: Store
    pepper: bytes = field(repr=False)
    admin_token: Secret | None = None
    now_ms: Callable[[], int] = wall_ms
    rules: ChannelRules = NO_CHANNELS

    def admit(self, token: str, address: str) -> Desk:
        """Raises `AuthError` for a token that is unknown, expired or revoked, `AccessError` for one whose account is
        no active administrator."""
        name, account_id = self._holder_of(token)
        return Desk(self.store, self.pepper, Actor(name, address, account_id), self.now_ms, self.rules)

    def _holder_of(self, token: str) -> tuple[str, int | None]:
        """What the token is called, and whose it is."""
        given = token.encode("utf-8", "surrogateescape")
        # Hashes, so that the comparison takes the same time whatever the lengths are.
        hashed = hash_key(self.pepper, given)
        if self.admin_token and hmac.compare_digest(hashed, hash_key(self.pepper, self.admin_token.reveal())):
            return _OPERATOR, None
        row = self.store.find_admin_token(hashed)
        if row is None or row.deleted_ms is not None:
            raise AuthError("This admin token is not known.", code="invalid_token")
        now_ms = self.now_ms()
        if row.expires_ms is not None and row.expires_ms <= now_ms:
            raise AuthError("This admin token has expired.", code="expired_token")
        if not _is_admin(self._account(row)):
            raise AccessError("The account of this token is no active administrator.", code="not_an_administrator")
        if row.last_used_ms is None or now_ms - row.last_used_ms >= _TOUCH_MS:
            self.store.touch_admin_token(row.id, now_ms)
        return f"token {row.id} ({row.name})", row.account_id

    def _account(self, row: AdminTokenRow) -> AccountRow | None:
        try:
            return self.store.get_account(row.account_id)
        except StoreError as error:
            if error.kind == "not_found":
                return None
            raise


def waiting_for(desk: Desk, timeout_s: float) -> list[ProcessView]:
    """Waits until the last change is in force in every process that serves; those that have not said so in time."""
    return [process_view(row) for row in wait_until_everywhere(desk.store, desk.store.revision(), timeout_s)]


def _is_admin(account: AccountRow | None) -> bool:
    return account is not None and account.role == "admin" and account.status == "active" and account.deleted_ms is None
