"""What a key amounts to right now: with its account, its group and its subscription, all limits worked out.

Made at a key's first request and kept until one of the four changes, so that most requests find everything ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from torouter.access.dues import Dues, dues_of
from torouter.access.ip_rules import rules_of
from torouter.access.keyring import Account, Group, Key, Subscription
from torouter.access.limits import effective, windows_of
from torouter.access.terms import Terms
from torouter.units import Dialect, Operation

if TYPE_CHECKING:
    from torouter.access.admission import Admission

__all__ = ["Standing"]

_MEMO_LIMIT: Final = 1000


class Standing:
    """`is_free`: no limit at all holds, and nobody need be asked. `expires_ms` is the key's."""

    __slots__ = (
        "_dues",
        "account",
        "admissions",
        "concurrency",
        "expires_ms",
        "free_terms",
        "group",
        "is_free",
        "is_windowed",
        "key",
        "limits",
        "rules",
        "subscription",
        "tokens_per_minute",
        "windows",
    )

    def __init__(
        self, key: Key, account: Account, group: Group, subscription: Subscription | None, now_ms: int
    ) -> None:
        self.key = key
        self.account = account
        self.group = group
        self.subscription = subscription
        self.expires_ms = key.expires_ms
        self.rules = rules_of(key.ip_allow, key.ip_deny)
        self.limits = limits = effective(key.limits, group.limits)
        self.windows = windows_of(limits)
        self.is_windowed = bool(limits.limit_5h or limits.limit_1d or limits.limit_7d)
        self.tokens_per_minute = limits.tpm
        self.concurrency = limits.concurrency
        self.admissions: dict[tuple[Dialect, Operation, str], Admission] = {}
        self.free_terms: Terms | None = None
        self._dues = dues_of(key, account, group, subscription, limits, now_ms)
        self.is_free = (
            not (self._dues.money or self.windows or limits.tpm or limits.concurrency)
            and self._dues.fault is None
            and self._dues.until_ms is None
        )

    def dues(self, now_ms: int) -> Dues:
        """Plan windows follow each other, and plans end."""
        dues = self._dues
        if dues.until_ms is not None and now_ms >= dues.until_ms:
            dues = self._dues = dues_of(self.key, self.account, self.group, self.subscription, self.limits, now_ms)
        return dues

    def remember(self, asked: tuple[Dialect, Operation, str], admission: Admission) -> None:
        """Model names come from clients, so what is remembered of them has an end."""
        if len(self.admissions) < _MEMO_LIMIT:
            self.admissions[asked] = admission
