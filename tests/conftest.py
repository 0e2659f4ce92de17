"""What holds for every test: the tests themselves are no business of the garbage collector. It would go through all of
them again and again, while they are collected (8 s of reckoning for all of them, instead of 17) and whenever a test has
it collect."""

from __future__ import annotations

import gc
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
