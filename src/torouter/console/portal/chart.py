"""Bars by day, as plain numbers that a template draws: SVG that needs no script. Places across are in per cent of the
width, so that a chart fits any page with its letters in their own size; those down are in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from torouter.accounts.office.usage import PointView, TotalsView

__all__ = ["Bar", "Chart", "Tick", "chart"]

_TOP: Final = 14
_BELOW: Final = 24
"""For the dates."""
_GAP: Final = 0.28
"""Of a day's width, between two bars."""
_STEPS: Final = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
_TICKS: Final = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One day. `label_x` is where its date stands, by its middle or its end (`anchor`); `has_label`: is there room?"""

    at: datetime
    x: str
    y: str
    width: str
    height: str
    slot_x: str
    slot_width: str
    label_x: str
    anchor: str
    has_label: bool
    requests: int
    failures: int
    cost_usd: str


@dataclass(frozen=True, slots=True)
class Tick:
    y: str
    value: str


@dataclass(frozen=True, slots=True)
class Chart:
    height: int
    base_y: str
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]


def chart(points: Sequence[PointView], days: int, today: datetime, *, is_money: bool, height: int) -> Chart:
    """The days up to and with `today`, also those without requests."""
    by_day = {point.at: point.totals for point in points}
    shown = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    values = [_value(by_day.get(at), is_money=is_money) for at in shown]
    count = _TICKS if height > 150 else 2
    step = _nice(max(values, default=Decimal(0)) / count, is_money=is_money)
    top = step * count
    room, base = height - _TOP - _BELOW, height - _BELOW
    slot = 100 / days
    bars = []
    for place, (at, value) in enumerate(zip(shown, values, strict=True)):
        tall = float(value / top) * room if value else 0.0
        tall = max(tall, 1.5) if value else 0.0
        slot_x = place * slot
        is_crowded_last = days > 10 and place == days - 1
        found = by_day.get(at)
        bars.append(
            Bar(
                at,
                x=_n(slot_x + slot * _GAP / 2),
                y=_n(base - tall),
                width=_n(slot * (1 - _GAP)),
                height=_n(tall),
                slot_x=_n(slot_x),
                slot_width=_n(slot),
                label_x=_n(100 if is_crowded_last else slot_x + slot / 2),
                anchor="end" if is_crowded_last else "middle",
                has_label=(days - 1 - place) % (1 if days <= 10 else 7) == 0,
                requests=found.requests if found else 0,
                failures=found.failures if found else 0,
                cost_usd=found.cost_usd if found else "0.00",
            )
        )
    ticks = [
        Tick(_n(base - room * place / count), _said(step * place, is_money=is_money)) for place in range(count + 1)
    ]
    return Chart(height, _n(base), tuple(bars), tuple(ticks))


def _value(totals: TotalsView | None, *, is_money: bool) -> Decimal:
    if totals is None:
        return Decimal(0)
    return Decimal(totals.cost_usd if is_money else totals.requests)


def _nice(least: Decimal, *, is_money: bool) -> Decimal:
    """A round step between two lines that is no less; whole, of requests."""
    if not least:
        return Decimal("0.25") if is_money else Decimal(1)
    size = Decimal(10) ** least.adjusted()
    found = next(size * step for step in _STEPS if size * step >= least)
    return found if is_money else max(found, Decimal(1))


def _said(value: Decimal, *, is_money: bool) -> str:
    """Money with two decimals or, of a small step, as many as it needs."""
    if not is_money:
        return f"{value:,.0f}"
    text = f"{value:f}".rstrip("0") if "." in f"{value:f}" else f"{value:f}."
    whole, _, rest = text.partition(".")
    return f"${int(whole):,}.{rest.ljust(2, '0')}" if value < 100 else f"${value:,.0f}"


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
