"""Every page, on a screen and on a phone, light and dark: nothing is asked of other hosts, nothing overflows, and
nothing is in the way of people who do not see or point."""

from __future__ import annotations

from typing import Literal

from playwright.sync_api import Browser, ViewportSize

from tests.browser.accessible import faults_now, learn
from tests.browser.conftest import opened, sign_in, watched
from tests.browser.pages import OPEN, SIGNED
from tests.live.gateway import Gateway

__all__ = ["PARTS", "faults"]

_THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_USERS = [path for path in SIGNED.values() if not path.startswith("/admin")]
_OPERATORS = [path for path in SIGNED.values() if path.startswith("/admin")]
_MOST = 20
_WALKS = {"users": _USERS} | {
    f"operators {first // _MOST + 1}": _OPERATORS[first : first + _MOST] for first in range(0, len(_OPERATORS), _MOST)
}
PARTS = ["open", *_WALKS]
"""Each is walked in less time than a test may take."""


def faults(browser: Browser, gateway: Gateway, axe: str, *, size: ViewportSize, part: str) -> list[str]:
    """A page is asked for once for both themes: it is the style sheet that follows the reader's, and no script."""
    found: list[str] = []
    for context in opened(browser, gateway, viewport=size, bypass_csp=True):  # for axe alone
        page = watched(context.new_page())
        if part != "open":
            sign_in(context, gateway)
        for path in OPEN.values() if part == "open" else _WALKS[part]:
            page.goto(path)
            learn(page, axe)
            for theme in _THEMES:
                page.emulate_media(color_scheme=theme)
                found += [f"{path}, {theme}: {each}" for each in faults_now(page)]
    return found
