"""Writes pictures of every page, in both themes, on a screen and on a phone: `make screenshots`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.browser.chromium import PHONE, SCREEN, chromium
from tests.browser.household import CHANNELS, furnish, session_token
from tests.browser.pages import OPEN, SIGNED
from tests.live.gateway import Gateway

__all__ = ["main"]

FOLDER = Path(__file__).parents[2] / "build" / "screenshots"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Gateway(Path(folder), channels=CHANNELS) as gateway,
        chromium() as browser,
    ):
        furnish(gateway)
        cookie = {"name": "torouter_session", "value": session_token(gateway), "url": gateway.url}
        for theme in ("light", "dark"):
            for size, viewport in (("screen", SCREEN), ("phone", PHONE)):
                context = browser.new_context(
                    base_url=gateway.url,
                    viewport=viewport,  # type: ignore[arg-type]
                    color_scheme=theme,  # type: ignore[arg-type]
                    locale="en-US",
                )
                page = context.new_page()
                for name, path in OPEN.items():
                    page.goto(path)
                    page.screenshot(path=FOLDER / f"{name}-{size}-{theme}.png", full_page=True)
                context.add_cookies([cookie])  # type: ignore[list-item]
                for name, path in SIGNED.items():
                    page.goto(path)
                    page.screenshot(path=FOLDER / f"{name}-{size}-{theme}.png", full_page=True)
                context.close()
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER}")


if __name__ == "__main__":
    main()
