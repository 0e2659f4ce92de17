"""Every row of `tests/pitfalls/rows.toml` is somebody else's bug: a test of ours carries its number, or the row says
why none does."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from tests.house.project import ROOT

TESTS = ROOT / "tests"
ROWS = {int(number): row for number, row in tomllib.loads((TESTS / "pitfalls/rows.toml").read_text("utf-8")).items()}
ISSUE = re.compile(r"[\w.-]+/[\w.-]+#\d+")


def marks_in(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """(name of the test or class of tests, number) of each `@pytest.mark.pitfall(…)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for mark in filter(_is_mark, node.decorator_list):
                assert isinstance(mark, ast.Call)
                yield from ((node.name, ast.literal_eval(argument)) for argument in mark.args)


def _is_mark(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.pitfall"


@cache
def marked() -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        source = path.read_bytes()
        if b"mark.pitfall(" in source:
            for name, number in marks_in(ast.parse(source, str(path))):
                found[number].append(f"{path.relative_to(TESTS)}::{name}")
    return dict(found)


def test_every_row_is_a_test_or_says_why_not() -> None:
    found = marked()
    assert sorted(found.keys() - ROWS.keys()) == [], "marks without a row"
    excused = {number for number, row in ROWS.items() if row.keys() & {"later", "open"}}
    assert sorted(excused & found.keys()) == [], "rows with a test that say that they have none"
    assert sorted(ROWS.keys() - excused - found.keys()) == [], "rows without a test"


def test_rows_are_complete() -> None:
    assert list(ROWS) == list(range(1, len(ROWS) + 1))
    for number, row in ROWS.items():
        assert row.keys() <= {"issues", "what", "later", "open"}, number
        assert row["issues"], number
        assert all(map(ISSUE.fullmatch, row["issues"])), number
        assert row["what"], number


def test_marks_stand_on_tests_only() -> None:
    names = [where.rpartition("::")[2] for places in marked().values() for where in places]
    assert [name for name in names if not name.startswith(("test_", "Test"))] == []


def test_a_mark_is_found_on_functions_and_classes() -> None:
    source = """
@pytest.mark.pitfall(1, 2)
class TestThis:
    @pytest.mark.parametrize("x", [1])
    @pytest.mark.pitfall(3)
    async def test_that(self, x): ...

@other.pitfall(4)
def test_other(): ...
"""
    assert sorted(marks_in(ast.parse(source))) == [("TestThis", 1), ("TestThis", 2), ("test_that", 3)]
