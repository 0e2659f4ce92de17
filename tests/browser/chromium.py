"""This machine's Chromium, driven by Playwright, which brings none of its own here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

__all__ = ["PHONE", "SCREEN", "chromium"]

SCREEN = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""The first is the same engine without a window around its pages: a context takes 0.2 s of reckoning, and 0.9 s in the
others."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """An error, never a skip, where there is none: `python3 go.py test` installs it."""
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    assert path is not None, "no Chromium in PATH: run the tests with `python3 go.py test`, or install it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()
