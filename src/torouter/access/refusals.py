"""What the meters refused, as an error with the status and the code of the catalogue."""

from __future__ import annotations

from typing import Final

from torouter.access.dues import Dues
from torouter.errors import AccessError, LimitError, TorouterError
from torouter.ledger.meters import Refusal

__all__ = ["BalanceStatus", "refused", "refused_by_plan"]

BalanceStatus = int
"""402 or 403: with which status an empty balance is told."""

_RATE: Final = "rate limit exceeded"
_RATE_CODE: Final = "rate_limit_exceeded"
_AWAY_S: Final = 1.0


def refused(refusal: Refusal, dues: Dues, now_ms: int, balance_status: BalanceStatus) -> TorouterError:
    if refusal.kind == "money":
        return _out_of_money(refusal.name, dues, now_ms, balance_status)
    if refusal.kind == "away":
        return LimitError(
            "The limits of this API key cannot be looked up right now. Try again.",
            kind="overloaded",
            type="limits_unavailable",
            retry_after_s=refusal.retry_after_s or _AWAY_S,
        )
    what = {"tokens": ": tokens per minute", "concurrency": ": requests at the same time"}.get(refusal.kind, "")
    return LimitError(_RATE + what, code=_RATE_CODE, retry_after_s=refusal.retry_after_s or _AWAY_S)


def refused_by_plan(dues: Dues) -> None:
    """Raises `AccessError` where the group needs a subscription, and there is none in force."""
    if dues.fault is not None:
        raise AccessError(dues.fault.message, type=dues.fault.type)


def _out_of_money(meter: str, dues: Dues, now_ms: int, balance_status: BalanceStatus) -> TorouterError:
    if meter.startswith("k:"):
        return LimitError(
            "The spend cap of this API key is reached. Raise the cap, or use another key.",
            type="API_KEY_QUOTA_EXHAUSTED",
            is_terminal=True,
        )
    if meter.startswith("p:"):
        window = {"day": "daily", "week": "weekly", "month": "monthly"}[meter.split(":")[2]]
        return LimitError(
            f"The {window} limit of this account's plan is reached. Wait for its next window, or take a larger plan.",
            type="USAGE_LIMIT_EXCEEDED",
            retry_after_s=max(1.0, (dues.ends_ms.get(meter, now_ms) - now_ms) / 1000),
            is_terminal=True,
        )
    return AccessError(
        "The balance of this account is used up. Top it up.",
        kind="billing",
        status=balance_status,
        type="INSUFFICIENT_BALANCE",
    )
