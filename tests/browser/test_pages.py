"""What holds for every page: pages are light, and say what they say in every language, in the reader's own time. How
they are on each size of window is walked in `test_wide_pages.py` and `test_narrow_pages.py`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from playwright.sync_api import Browser, Page

from tests.browser.conftest import opened, sign_in, watched
from tests.browser.household import MANY
from tests.browser.pages import LOOKED_AT, SIGNED, is_covered
from tests.live.gateway import Gateway

MOST_BYTES = 150_000
_OTHERS = (
    "/usage?since={day}",
    "/keys?page=3",
    "/admin/accounts/1?keys=3",
    "/models?page=2",
    "/playground?model={model}",
)
"""Beside the pages that are looked at: as long as they become where there is much of everything."""

_WEIGHT = """() => {
  const files = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return {files: files.length, bytes: files.reduce((sum, file) => sum + file.decodedBodySize, 0)};
}"""


def test_the_list_has_every_page() -> None:
    assert [path for path in LOOKED_AT if not is_covered(path)] == []


def test_pages_are_light(page: Page) -> None:
    assert heavy(page, SIGNED.values()) == {}


def test_pages_are_light_with_hundreds_of_models_and_keys(browser: Browser, crowded: Gateway) -> None:
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    others = [path.format(day=day, model=quote(MANY[399], safe="")) for path in _OTHERS]
    for context in opened(browser, crowded):
        sign_in(context, crowded)
        assert heavy(watched(context.new_page()), [*SIGNED.values(), *others]) == {}


def heavy(page: Page, paths: Iterable[str]) -> dict[str, int]:
    """Those that are too heavy, in bytes: whole, with all that they ask for, and nothing kept from before."""
    found: dict[str, int] = {}
    for path in paths:
        page.goto(path, wait_until="load")
        measured = page.evaluate(_WEIGHT)
        assert measured["files"] >= 3, "the page, its stylesheet and its script"
        if measured["bytes"] >= MOST_BYTES:
            found[path] = measured["bytes"]
    return found


def test_it_works_in_chinese(page: Page) -> None:
    page.goto("/keys")
    page.get_by_role("button", name="中文").click()
    page.wait_for_url("**/keys")
    assert page.locator("h1").inner_text() == "API 密钥"
    for path in SIGNED.values():
        page.goto(path)
        assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.get_by_role("button", name="EN").click()
    page.wait_for_load_state()
    assert page.locator("nav").inner_text().startswith("Dashboard")


def test_the_theme_changes_at_once_and_stays(page: Page) -> None:
    page.goto("/dashboard")
    before = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert before != dark
    page.goto("/keys")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == dark
    page.get_by_role("button", name="Auto").click()
    page.goto("/keys")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == before


def test_times_are_the_readers_own(browser: Browser, gateway: Gateway) -> None:
    for zone, is_utc in (("UTC", True), ("Asia/Shanghai", False)):
        for context in opened(browser, gateway, timezone_id=zone):
            sign_in(context, gateway)
            page = context.new_page()
            page.goto("/profile")
            time = page.locator("main time").first
            hour = page.evaluate(
                "([at]) => new Intl.DateTimeFormat('en', {timeStyle: 'short', dateStyle: 'medium', "
                "timeZone: 'UTC'}).format(new Date(at))",
                [time.get_attribute("datetime")],
            )
            assert (time.inner_text() == hour) == is_utc
            assert str(time.get_attribute("title")).endswith("UTC")


def test_a_chart_says_its_values(page: Page) -> None:
    page.goto("/dashboard")
    page.locator(".chart g[data-tip]").nth(5).hover()
    tip = page.locator(".chart .tip").first
    tip.wait_for(state="visible")
    assert "$" in tip.inner_text()
    assert "request" in tip.inner_text()
    page.get_by_text("Show as a table").click()
    assert page.locator(".reveal tbody tr").count() == 7


def test_all_can_be_reached_by_keyboard(page: Page) -> None:
    page.goto("/keys")
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.innerText || document.activeElement.tagName"))
    assert seen[0] == "Skip to content"
    assert {"Dashboard", "API keys", "Create key", "Edit", "Disable", "Delete", "Sign out"} <= set(seen)
