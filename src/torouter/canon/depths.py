"""The ladder between depths and token budgets: a convention in one table, such that depth → budget → depth holds."""

from __future__ import annotations

from typing import Final, Literal

from torouter.canon.reasoning import Depth

__all__ = ["BUDGETS", "Level", "budget_of", "level_of"]

Level = Literal["minimal", "low", "medium", "high", "xhigh", "max"]

BUDGETS: Final[dict[Level, int]] = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 32768,
    "max": 65536,
}
_CEILINGS: Final[tuple[tuple[int, Level], ...]] = (
    (1024, "minimal"),
    (4096, "low"),
    (12288, "medium"),
    (24576, "high"),
    (49152, "xhigh"),
)


def budget_of(depth: Depth) -> int:
    """Tokens for a depth; `auto` thinks as `medium` does, `off` not at all."""
    if depth == "off":
        return 0
    return BUDGETS["medium" if depth == "auto" else depth]


def level_of(budget_tokens: int) -> Level | Literal["off", "auto"]:
    """The nearest depth of a budget. −1 is Gemini's word for "as you like"."""
    if budget_tokens <= 0:
        return "auto" if budget_tokens < 0 else "off"
    for ceiling, level in _CEILINGS:
        if budget_tokens <= ceiling:
            return level
    return "max"
