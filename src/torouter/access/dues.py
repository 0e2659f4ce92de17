"""Which money limits a key's requests count against: its own cap, then its plan's windows or its account's balance.

The group says who pays: a subscription's plan, or the balance. An account that is `unlimited` owes neither; what it
uses is only written down.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import msgspec

from torouter.access.keyring import Account, Group, Key, Subscription
from torouter.ledger.meters import Meter
from torouter.store import LimitColumns, PlanWindow, WindowName

__all__ = ["Dues", "PlanFault", "dues_of"]

_DAY_MS: Final = 24 * 60 * 60 * 1000
_LENGTHS_MS: Final[tuple[tuple[WindowName, int], ...]] = (
    ("day", _DAY_MS),
    ("week", 7 * _DAY_MS),
    ("month", 30 * _DAY_MS),
)


class PlanFault(NamedTuple):
    """Why a group that needs a subscription cannot be used."""

    type: Literal["SUBSCRIPTION_NOT_FOUND", "SUBSCRIPTION_INVALID"]
    message: str


class Dues(msgspec.Struct, frozen=True, kw_only=True):
    """`money` stands in the order in which refusals are told; `fault` is told if nothing in `money` refuses. All of it
    holds before `until_ms`."""

    money: tuple[Meter, ...] = ()
    plan_windows: tuple[PlanWindow, ...] = ()
    ends_ms: dict[str, int] = {}
    """By the name of a plan window's meter."""
    fault: PlanFault | None = None
    until_ms: int | None = None


def dues_of(
    key: Key, account: Account, group: Group, subscription: Subscription | None, limits: LimitColumns, now_ms: int
) -> Dues:
    cap = (Meter(f"k:{key.id}", limits.cap_nusd),) if limits.cap_nusd else ()
    if account.billing == "unlimited":
        return Dues(money=cap)
    if group.billing == "balance":
        return Dues(money=(*cap, Meter(f"a:{account.id}", account.credited_nusd)))
    fault = _fault(group, subscription, now_ms)
    if subscription is None or fault is not None:
        starts_ms = None if subscription is None or subscription.started_ms <= now_ms else subscription.started_ms
        return Dues(money=cap, fault=fault, until_ms=starts_ms)
    windows = tuple(_windows(subscription, now_ms))
    meters = {f"p:{subscription.id}:{each.window}:{each.started_ms}": each for each, _, _ in windows}
    ends_ms = {name: end_ms for name, (_, _, end_ms) in zip(meters, windows, strict=True)}
    turns = [*ends_ms.values(), *(() if subscription.ends_ms is None else (subscription.ends_ms,))]
    return Dues(
        money=(*cap, *(Meter(name, limit) for name, (_, limit, _) in zip(meters, windows, strict=True))),
        plan_windows=tuple(meters.values()),
        ends_ms=ends_ms,
        until_ms=min(turns, default=None),
    )


def _windows(subscription: Subscription, now_ms: int) -> Iterator[tuple[PlanWindow, int, int]]:
    """Of those that the plan has: the one that runs now, its limit, and its end."""
    limits = (subscription.daily_nusd, subscription.weekly_nusd, subscription.monthly_nusd)
    for (name, length_ms), limit in zip(_LENGTHS_MS, limits, strict=True):
        if limit:
            started_ms = now_ms - (now_ms - subscription.started_ms) % length_ms
            yield PlanWindow(subscription.id, name, started_ms), limit, started_ms + length_ms


def _fault(group: Group, subscription: Subscription | None, now_ms: int) -> PlanFault | None:
    if subscription is None:
        told = f"The group {group.name} needs a subscription, and this account has none."
        return PlanFault("SUBSCRIPTION_NOT_FOUND", told)
    is_over = subscription.ends_ms is not None and now_ms >= subscription.ends_ms
    if subscription.status == "active" and not is_over and now_ms >= subscription.started_ms:
        return None
    state = subscription.status if subscription.status != "active" else "over" if is_over else "not begun yet"
    return PlanFault(
        "SUBSCRIPTION_INVALID", f"This account's subscription to the group {group.name} is {state}. Renew it."
    )
