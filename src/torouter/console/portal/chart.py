"""Bars over time, as plain numbers that a template draws: SVG that needs no script. Places across are in per cent of
the width, so that a chart fits any page with its letters in their own size; those down are in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from torouter.accounts.office.usage import PointView

__all__ = ["REQUESTS_HEIGHT", "SPEND_HEIGHT", "Bar", "Chart", "Slot", "Step", "Tick", "chart", "slots"]

Step = Literal["hour", "day"]

SPEND_HEIGHT: Final = 220
REQUESTS_HEIGHT: Final = 110

_LENGTHS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_TOP: Final = 14
_BELOW: Final = 24
"""For the times."""
_GAP: Final = 0.28
"""Of a slot's width, between two bars."""
_STEPS: Final = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
_TICKS: Final = 4
_MOST_BARS: Final = 62
_LABELS: Final = 10
"""At most so many, or every seventh of more."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The time of one bar, from `at` to before `until`, and what was used in it."""

    at: datetime
    until: datetime
    step: Step
    requests: int
    failures: int
    cost: Decimal

    @property
    def title(self) -> str:
        """UTC. A day, an hour, or the first and the last day of several."""
        if self.step == "hour":
            return f"{self.at:%Y-%m-%d %H:%M}"
        last = self.until - _LENGTHS["day"]
        return f"{self.at:%Y-%m-%d}" if last == self.at else f"{self.at:%Y-%m-%d} – {last:%Y-%m-%d}"

    @property
    def label(self) -> str:
        return f"{self.at:%H:%M}" if self.step == "hour" else f"{self.at:%m-%d}"


@dataclass(frozen=True, slots=True)
class Bar:
    """`label_x` is where its time stands, by its middle or its end (`anchor`); `has_label`: is there room?"""

    slot: Slot
    x: str
    y: str
    width: str
    height: str
    slot_x: str
    slot_width: str
    label_x: str
    anchor: str
    has_label: bool


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


def slots(points: Sequence[PointView], since: datetime, until: datetime, step: Step) -> list[Slot]:
    """All steps from one moment, with which a step begins, to before another, also those without requests. Where they
    are many, several make up one."""
    length = _LENGTHS[step]
    count = max(1, -(-(until - since) // length))
    several = -(-count // _MOST_BARS)
    width = length * several
    held: dict[int, list[PointView]] = {}
    for point in points:
        held.setdefault((point.at - since) // width, []).append(point)
    return [
        _slot(
            held.get(place, []), since + width * place, min(since + width * (place + 1), since + length * count), step
        )
        for place in range(-(-count // several))
    ]


def _slot(points: Sequence[PointView], at: datetime, until: datetime, step: Step) -> Slot:
    return Slot(
        at,
        until,
        step,
        requests=sum(point.totals.requests for point in points),
        failures=sum(point.totals.failures for point in points),
        cost=sum((Decimal(point.totals.cost_usd) for point in points), Decimal(0)),
    )


def chart(shown: Sequence[Slot], *, is_money: bool, height: int) -> Chart:
    values = [each.cost if is_money else Decimal(each.requests) for each in shown]
    count = _TICKS if height > 150 else 2
    step = _nice(max(values, default=Decimal(0)) / count, is_money=is_money)
    top = step * count
    room, base = height - _TOP - _BELOW, height - _BELOW
    bars = tuple(_bar(shown, place, float(value / top) * room, base) for place, value in enumerate(values))
    ticks = [
        Tick(_n(base - room * place / count), _said(step * place, is_money=is_money)) for place in range(count + 1)
    ]
    return Chart(height, _n(base), bars, tuple(ticks))


def _bar(shown: Sequence[Slot], place: int, tall: float, base: float) -> Bar:
    """What is more than nothing is seen."""
    tall = max(tall, 1.5) if tall else 0.0
    count = len(shown)
    width = 100 / count
    is_crowded_last = count > _LABELS and place == count - 1
    every = 1 if count <= _LABELS else 7 if count <= 35 else -(-count // 7)
    return Bar(
        shown[place],
        x=_n(width * (place + _GAP / 2)),
        y=_n(base - tall),
        width=_n(width * (1 - _GAP)),
        height=_n(tall),
        slot_x=_n(width * place),
        slot_width=_n(width),
        label_x=_n(100 if is_crowded_last else width * (place + 0.5)),
        anchor="end" if is_crowded_last else "middle",
        has_label=(count - 1 - place) % every == 0,
    )


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
