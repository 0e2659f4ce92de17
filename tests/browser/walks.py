"""Every page, on a screen and on a phone: nothing is asked of other hosts, nothing overflows, and nothing is in the way
of people who do not see or point."""

from __future__ import annotations

from typing import Literal

from playwright.sync_api import Browser

from tests.browser.accessible import faults_now
from tests.browser.chromium import PHONE, SCREEN
from tests.browser.conftest import opened, sign_in, watched
from tests.browser.pages import OPEN, SIGNED
from tests.live.gateway import Gateway

__all__ = ["PARTS", "SIZES", "faults"]

SIZES = {"screen": SCREEN, "phone": PHONE}
_USERS = [path for path in SIGNED.values() if not path.startswith("/admin")]
_OPERATORS = [path for path in SIGNED.values() if path.startswith("/admin")]
_MOST = 20
_WALKS = {"users": _USERS} | {
    f"operators {first // _MOST + 1}": _OPERATORS[first : first + _MOST] for first in range(0, len(_OPERATORS), _MOST)
}
PARTS = ["open", *_WALKS]
"""Each is walked in less time than a test may take."""


def faults(
    browser: Browser, gateway: Gateway, axe: str, *, theme: Literal["light", "dark"], size: str, part: str
) -> list[str]:
    options = {"viewport": SIZES[size], "color_scheme": theme, "bypass_csp": True}  # for axe alone
    found: list[str] = []
    for context in opened(browser, gateway, **options):
        page = watched(context.new_page())
        if part != "open":
            sign_in(context, gateway)
        for path in OPEN.values() if part == "open" else _WALKS[part]:
            page.goto(path)
            found += [f"{path}: {each}" for each in faults_now(page, axe)]
    return found
