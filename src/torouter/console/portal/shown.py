"""Numbers, money and times as pages show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from markupsafe import Markup, escape

__all__ = ["count", "day", "exact", "iso", "last_day", "moment", "rate", "seconds", "share", "short_count", "usd"]

_PATTERNS: Final = {"minute": "%Y-%m-%d %H:%M UTC", "second": "%Y-%m-%d %H:%M:%S UTC", "clock": "%H:%M:%S"}
_CENT: Final = Decimal("0.01")
_SMALL: Final = Decimal("0.000001")


def usd(text: str, decimals: int | None = None) -> str:
    """`$12.50`; below a dollar so many decimals that something is seen, six at most. In a column all have as many."""
    amount = Decimal(text)
    sign = "−" if amount < 0 else ""
    amount = abs(amount)
    if decimals is not None:
        return f"{sign}${amount:,.{decimals}f}"
    if amount and amount < _SMALL:
        return f"{sign}<$0.000001"
    step = _CENT if amount >= 1 or not amount else Decimal("0.0001") if amount >= _CENT else _SMALL
    return f"{sign}${amount.quantize(step, ROUND_HALF_UP):,}"


def exact(nusd: int) -> str:
    """Dollars with at least two decimals, and as many as it has: rates, and the parts of a bill."""
    text = f"{Decimal(nusd).scaleb(-9):,.9f}".rstrip("0")
    whole, _, rest = text.partition(".")
    return f"${whole}.{rest.ljust(2, '0')}"


def count(number: int) -> str:
    return f"{number:,}"


def short_count(number: int) -> str:
    """`12.4K`, `3.1M`."""
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if number >= size:
            return f"{Decimal(number) / size:.1f}{unit}"
    return str(number)


def rate(value: float) -> str:
    """`0`, `0.4`, `12.5`, `1,204`, `31.4K`."""
    if value >= 10_000:
        return short_count(round(value))
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"


def seconds(ms: int | None) -> str:
    if ms is None:
        return "–"
    return f"{ms} ms" if ms < 1000 else f"{Decimal(ms) / 1000:.2f} s"


def share(used: str | int, limit: str | int) -> int:
    """Per cent of a limit, at most 100."""
    whole = Decimal(limit)
    return min(100, int(Decimal(used) * 100 / whole)) if whole else 0


def iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d")


def last_day(at: datetime | None) -> str:
    """The day whose end it is: what ends at midnight ends with the day before. Empty: never."""
    return "" if at is None else day(at - timedelta(milliseconds=1))


def moment(at: datetime | None, never: str = "–", form: str = "minute") -> Markup:
    """In UTC, until a script puts it into the reader's own zone."""
    if at is None:
        return escape(never)
    pattern = _PATTERNS[form]
    text = at.astimezone(UTC).strftime(pattern)
    return Markup('<time datetime="{}" data-form="{}">{}</time>').format(iso(at), form, text)
