"""The ladder: depth → budget → depth is the same depth."""

from __future__ import annotations

import pytest

from torouter.canon.depths import BUDGETS, Level, budget_of, level_of


@pytest.mark.parametrize("level", list(BUDGETS))
def test_a_level_survives_its_budget(level: Level) -> None:
    assert level_of(budget_of(level)) == level


@pytest.mark.parametrize(
    ("budget", "level"),
    [(-1, "auto"), (0, "off"), (1, "minimal"), (1025, "low"), (4097, "medium"), (12289, "high"), (49153, "max")],
)
def test_a_budget_has_a_nearest_level(budget: int, level: str) -> None:
    assert level_of(budget) == level


def test_auto_thinks_as_medium_does_and_off_not_at_all() -> None:
    assert (budget_of("auto"), budget_of("off")) == (8192, 0)
