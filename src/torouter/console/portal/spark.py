"""A line over time, as plain numbers that a template draws: SVG that needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["HEIGHT", "WIDTH", "Spark", "spark"]

WIDTH: Final = 240
HEIGHT: Final = 48
_TOP: Final = 3
"""So that the line's own width is seen at its highest."""


@dataclass(frozen=True, slots=True)
class Spark:
    """`line` and `area` are points of SVG within `WIDTH` and `HEIGHT`. `peak` is the most of all."""

    line: str
    area: str
    now: float
    peak: float


def spark(values: Sequence[float], now: float) -> Spark:
    """The oldest first; at least two. A line of nothing lies on the ground."""
    peak = max(values)
    step = WIDTH / (len(values) - 1)
    points = [
        (place * step, HEIGHT - 1 - (value / peak * (HEIGHT - 1 - _TOP) if peak else 0))
        for place, value in enumerate(values)
    ]
    line = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    return Spark(line, f"0,{HEIGHT} {line} {WIDTH},{HEIGHT}", now, peak)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
