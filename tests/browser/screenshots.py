"""Writes pictures of every page, in both themes, on a screen and on a phone: `make screenshots`. With `--readme` those
two that stand in the README, in their place: `make pictures`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.bench import choose, done, send
from tests.browser.chromium import PHONE, SCREEN, chromium
from tests.browser.household import CHANNELS, furnish, session_token
from tests.browser.pages import OPEN, SIGNED
from tests.live.gateway import Gateway

__all__ = ["main"]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "screenshots"
PICTURES = ROOT / "docs" / "pictures"


def main(arguments: list[str]) -> None:
    folder = PICTURES if "--readme" in arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place,
        Gateway(Path(place), channels=CHANNELS) as gateway,
        chromium() as browser,
    ):
        furnish(gateway)
        if folder is PICTURES:
            _picture_for_readme(browser, gateway)
        else:
            _picture_all(browser, gateway)
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


def _picture_all(browser: Browser, gateway: Gateway) -> None:
    for theme in ("light", "dark"):
        for size, viewport in (("screen", SCREEN), ("phone", PHONE)):
            with _context(browser, gateway, viewport=viewport, color_scheme=theme) as context:
                page = context.new_page()
                _picture(page, OPEN, f"{size}-{theme}")
                _sign_in(context, gateway)
                _picture(page, SIGNED, f"{size}-{theme}")


def _picture(page: Page, paths: dict[str, str], kind: str) -> None:
    for name, path in paths.items():
        page.goto(path)
        page.screenshot(path=FOLDER / f"{name}-{kind}.png", full_page=True)


def _picture_for_readme(browser: Browser, gateway: Gateway) -> None:
    with _context(browser, gateway, viewport=SCREEN, color_scheme="light") as context:
        _sign_in(context, gateway)
        page = context.new_page()
        page.goto("/dashboard")
        page.screenshot(path=PICTURES / "dashboard.png")
        page.goto("/playground")
        page.get_by_role("button", name="Side by side").click()
        page.get_by_role("button", name="Wire view").click()
        choose(page, "gpt-5", "anthropic")
        choose(page, "claude-opus-4-7", "openai-chat", side=1)
        step = done(send(page, "Which of you is quicker?"))
        step.locator(".pg-wire > summary").click()
        page.get_by_label("Your message").blur()
        page.screenshot(path=PICTURES / "playground.png")


@contextmanager
def _context(browser: Browser, gateway: Gateway, **options: Any) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=gateway.url, locale="en-US", **options)
    try:
        yield context
    finally:
        context.close()


def _sign_in(context: BrowserContext, gateway: Gateway) -> None:
    cookie = {"name": "torouter_session", "value": session_token(gateway), "url": gateway.url}
    context.add_cookies([cookie])  # type: ignore[list-item]


if __name__ == "__main__":
    main(sys.argv[1:])
