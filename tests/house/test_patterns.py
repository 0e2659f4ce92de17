"""Regular expressions do the same in every Python from 3.11.0 on."""

from __future__ import annotations

import re

from tests.house.project import PACKAGE

_POSSESSIVE_GROUP = re.compile(r"re\.compile\([^\n]*[^\\]\)(?:[*+?]|\{[\d,]+\})\+")


def test_no_group_is_possessive() -> None:
    """Python before 3.11.5 matches some of them wrongly (python/cpython#106052); atomic groups say the same."""
    assert _POSSESSIVE_GROUP.search(r'_RUN = re.compile(rb"[^x]*+(?:ab)*+")')
    found = {
        file.relative_to(PACKAGE).as_posix(): line
        for file in PACKAGE.rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if _POSSESSIVE_GROUP.search(line)
    }
    assert found == {}
