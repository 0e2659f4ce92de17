"""The page says what the tests say."""

from __future__ import annotations

from tests.contract.matrix.table import PAGE, page


def test_the_page_is_the_tests() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: make matrix"
