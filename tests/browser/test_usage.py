"""What people do with what was used, with models, and before a key's form is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import PHONE
from tests.browser.conftest import opened, sign_in, watched
from tests.live.gateway import Gateway
from torouter.store import Store


class TestCharts:
    def test_arrow_keys_walk_over_the_values(self, page: Page) -> None:
        page.goto("/usage")
        plot = page.locator(".plot").first
        plot.focus()
        page.keyboard.press("End")
        tip = page.locator(".chart .tip").first
        expect(tip).to_be_visible()
        last = tip.inner_text()
        page.keyboard.press("ArrowLeft")
        assert tip.inner_text() != last
        page.keyboard.press("Home")
        page.keyboard.press("ArrowLeft")
        assert tip.inner_text() < last
        page.keyboard.press("Escape")
        expect(tip).to_be_hidden()

    def test_of_one_day_it_has_hours_and_a_table_says_the_same(self, page: Page) -> None:
        page.goto(f"/usage?since={datetime.now(UTC):%Y-%m-%d}")
        expect(page.get_by_text("Spend by hour")).to_be_visible()
        bars = page.locator(".plot").first.locator("g[data-tip]").count()
        page.get_by_text("Show as a table").click()
        expect(page.locator(".reveal tbody tr")).to_have_count(bars)


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without"])
def test_parts_open_under_a_finger(browser: Browser, gateway: Gateway, has_scripts: bool) -> None:
    for context in opened(browser, gateway, viewport=PHONE, has_touch=True, java_script_enabled=has_scripts):
        sign_in(context, gateway)
        page = watched(context.new_page())
        page.goto(f"/usage?outcome=ok&since=2020-01-01&until={datetime.now(UTC) - timedelta(days=3):%Y-%m-%d}")
        row = page.locator("tbody tr", has=page.locator("details.more")).last  # of long ago: no test's own
        parts, bill = row.locator("details.more").nth(0), row.locator("details.more").nth(1)
        parts.locator("summary").tap()
        expect(parts.get_by_text("Output")).to_be_visible()
        bill.locator("summary").tap()
        expect(bill.get_by_text("Price: own 3")).to_be_visible()
        expect(bill.get_by_text("Input")).to_be_visible()


def test_parts_open_by_keyboard(page: Page) -> None:
    page.goto("/usage?outcome=ok&since=2020-01-01")
    parts = page.locator("details.more").first
    parts.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(parts.locator("dl")).to_be_visible()


class TestKeysForm:
    def test_says_what_is_wrong_while_one_types(self, page: Page, gateway: Gateway) -> None:
        page.goto("/keys/new")
        page.get_by_label("Name").fill("typed")
        field = page.get_by_label("Only from")
        field.fill("203.0.113.0/24\n300.1.1.1")
        wrong = page.locator("#ip_allow-wrong")
        expect(wrong).to_have_text("Line 2: Expected an address or a network such as 203.0.113.0/24 or 2001:db8::/32.")
        expect(field).to_have_attribute("aria-invalid", "true")
        assert "ip_allow-wrong" in str(field.get_attribute("aria-describedby"))
        field.fill("203.0.113.0/24")
        expect(wrong).to_be_hidden()
        assert field.get_attribute("aria-invalid") is None
        expect(page.locator(".wrong:visible")).to_have_count(0)

        page.get_by_label("Models", exact=True).fill("gpt-5\ndragon-9")
        expect(page.locator("#models-noted")).to_have_text("No channel has this model now: dragon-9")
        with Store.open(gateway.data) as store:
            assert "typed" not in [key.name for key in store.list_keys()], "nothing is written"
        page.get_by_role("button", name="Create key").click()
        expect(page.get_by_role("heading", name="typed is ready")).to_be_visible()

    def test_an_answer_that_comes_late_does_not_win(self, page: Page) -> None:
        page.goto("/keys/new")
        page.get_by_label("Requests a minute").press_sequentially("many", delay=30)
        expect(page.locator("#rpm-wrong")).to_be_visible()
        page.get_by_label("Requests a minute").fill("60")
        expect(page.locator("#rpm-wrong")).to_be_hidden()


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without"])
def test_would_it_pass(browser: Browser, gateway: Gateway, has_scripts: bool) -> None:
    for context in opened(browser, gateway, java_script_enabled=has_scripts):
        sign_in(context, gateway)
        page = watched(context.new_page())
        page.goto("/keys/2")
        form = page.locator("#try")
        form.get_by_label("Model").fill("claude-opus-4-7")
        form.get_by_role("button", name="Check").click()
        expect(page.get_by_role("heading", name="It is refused")).to_be_visible()
        expect(page.locator("#try-message")).to_contain_text("may not use the model")
        page.get_by_label("Model").fill("gpt-5")
        page.get_by_label("Client address").fill("198.51.100.7")
        page.get_by_role("button", name="Check").click()
        expect(page.get_by_role("heading", name="It passes")).to_be_visible()
        assert page.get_by_label("Client address").input_value() == "198.51.100.7"


def test_a_model_is_found_and_called(page: Page) -> None:
    page.goto("/models")
    page.get_by_label("Search").fill("opus claude")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="claude-opus-4-7").click()
    for name in ("OpenAI · curl", "Anthropic · Python", "Gemini · Python"):
        expect(page.get_by_text(name)).to_be_visible()
    page.get_by_text("Anthropic · Python").click()
    expect(page.locator("#snippet-anthropic-python")).to_be_visible()


def test_what_one_does_first(page: Page) -> None:
    page.goto("/dashboard")
    actions = page.get_by_role("navigation", name="Quick actions")
    found = [link.get_attribute("href") for link in actions.get_by_role("link").all()]
    assert found == ["/docs", "/models", "/playground", "/keys/new"]
    expect(page.get_by_role("region", name="Providers")).to_contain_text("Good")
