"""What people do with the guide and the first page: read, look for something, copy, and come back from nowhere."""

from __future__ import annotations

from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import opened, watched
from tests.live.gateway import Gateway


def test_a_stranger_reads_and_searches(context: BrowserContext, gateway: Gateway) -> None:
    page = watched(context.new_page())
    page.goto("/")
    page.get_by_role("link", name="Getting started").click()
    assert f"curl {gateway.url}/v1/models" in page.locator("article").inner_text()
    page.get_by_role("searchbox").fill("rotation")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Rotation").click()
    page.wait_for_url("**/docs/keys#rotation")
    assert page.locator("#rotation").is_visible()
    page.get_by_role("button", name="中文").click()
    page.wait_for_url("**/docs/keys")
    assert page.locator("h1").inner_text() == "密钥"


def test_code_is_copied_as_it_stands(context: BrowserContext, gateway: Gateway) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = watched(context.new_page())
    page.goto("/docs/agents")
    page.locator("#claude-code + .code").get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines()[:2] == [
        f"export ANTHROPIC_BASE_URL={gateway.url}",
        "export ANTHROPIC_AUTH_TOKEN=sk-***",
    ]


def test_there_is_a_way_back_from_nowhere(page: Page) -> None:
    answer = page.goto("/nowhere")
    assert answer is not None
    assert answer.status == 404
    page.locator("main").get_by_role("link", name="Guide").click()
    page.wait_for_url("**/docs")
    page.locator("main").get_by_role("link", name="Errors", exact=True).click()
    page.wait_for_url("**/docs/errors")
    assert page.get_by_role("navigation", name="Main").is_visible(), "within the portal's frame"


def test_without_scripts_it_is_read_all_the_same(browser: Browser, gateway: Gateway) -> None:
    for context in opened(browser, gateway, java_script_enabled=False):
        page = context.new_page()
        page.goto("/docs?q=strict")
        page.get_by_role("link", name="Default and strict").click()
        page.wait_for_url("**/docs/limits#strict")
        assert page.get_by_role("button", name="Copy").count() == 0, "what would do nothing is not shown"
