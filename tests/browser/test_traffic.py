"""The live view while requests go through, and while it is paused, left and without its session."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import opened, sign_in, watched
from tests.browser.test_journeys import call
from tests.live.gateway import Gateway
from torouter.accounts.office.entrance import IDLE_MS
from torouter.store import Store

SOON_MS = 15_000
"""It asks every two seconds, and a request is stored a quarter of a second after its end."""


def row_of(page: Page, request_id: str) -> Any:
    return page.locator(f'#traffic-rows a[href="/admin/requests/{request_id}"]')


def test_a_request_appears_while_one_looks(page: Page, gateway: Gateway) -> None:
    page.goto("/admin/traffic")
    page.mouse.move(5, 5)
    expect(page.locator("#traffic-state")).to_have_text("Live")
    before = page.locator("#traffic-figures").bounding_box()
    _, first = call(gateway, gateway.key)
    expect(row_of(page, first)).to_be_visible(timeout=SOON_MS)
    _, second = call(gateway, gateway.key)
    expect(row_of(page, second)).to_be_visible(timeout=SOON_MS)
    expect(row_of(page, first)).to_have_count(1)
    links = [str(link.get_attribute("href")) for link in page.locator("#traffic-rows td:first-child a").all()[:2]]
    assert links == [f"/admin/requests/{second}", f"/admin/requests/{first}"], "the latest on top"
    assert page.locator("#traffic-figures").bounding_box() == before, "nothing jumps"
    row_of(page, second).click()
    expect(page.locator("#request-id")).to_have_text(second)


def test_it_pauses_and_goes_on(page: Page, gateway: Gateway) -> None:
    page.goto("/admin/traffic")
    page.mouse.move(5, 5)
    pause = page.get_by_role("button", name="Pause")
    pause.focus()
    page.keyboard.press("Enter")
    expect(pause).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#traffic-state")).to_have_text("Paused")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    _, request_id = call(gateway, gateway.key)
    page.wait_for_timeout(4500)
    assert asked == [], "nobody is asked while it is paused"
    expect(row_of(page, request_id)).to_have_count(0)
    page.keyboard.press("Enter")
    expect(row_of(page, request_id)).to_be_visible(timeout=SOON_MS)


def test_rows_rest_while_one_is_among_them(page: Page, gateway: Gateway) -> None:
    _, first = call(gateway, gateway.key)
    page.goto("/admin/traffic")
    expect(row_of(page, first).or_(page.locator("#traffic-rows tr").first).first).to_be_visible(timeout=SOON_MS)
    link = page.locator("#traffic-rows a").first
    link.focus()
    _, second = call(gateway, gateway.key)
    expect(page.locator("#traffic-state")).to_contain_text("held", timeout=SOON_MS)
    expect(row_of(page, second)).to_have_count(0)
    expect(link).to_be_focused()
    page.get_by_role("button", name="Pause").focus()
    expect(row_of(page, second)).to_be_visible(timeout=SOON_MS)


def test_its_filters_hold_for_what_is_new(page: Page, gateway: Gateway) -> None:
    page.goto("/admin/traffic?model=gpt-5-mini")
    page.mouse.move(5, 5)
    _, other = call(gateway, gateway.key, "gpt-5")
    _, wanted = call(gateway, gateway.key, "gpt-5-mini")
    expect(row_of(page, wanted)).to_be_visible(timeout=SOON_MS)
    expect(row_of(page, other)).to_have_count(0)
    expect(page.locator("#traffic-none")).to_be_hidden()


def test_it_says_when_the_session_is_over(browser: Browser, gateway: Gateway) -> None:
    for context in opened(browser, gateway):
        sign_in(context, gateway)
        page = watched(context.new_page())
        page.goto("/admin/traffic")
        with Store.open(gateway.data) as store:
            store.sweep_sessions(2**62, IDLE_MS)
        expect(page.locator("#traffic-state")).to_contain_text("Your session is over", timeout=SOON_MS)


def test_it_outlasts_a_gateway_that_does_not_answer(page: Page, gateway: Gateway) -> None:
    page.goto("/admin/traffic")
    page.mouse.move(5, 5)
    page.route("**/admin/traffic.json**", lambda route: route.abort())
    expect(page.locator("#traffic-state")).to_contain_text("does not answer", timeout=SOON_MS)
    _, request_id = call(gateway, gateway.key)
    page.unroute("**/admin/traffic.json**")
    expect(row_of(page, request_id)).to_be_visible(timeout=2 * SOON_MS)
    expect(page.locator("#traffic-state")).to_have_text("Live")


def test_it_asks_one_thing_at_a_time(page: Page) -> None:
    """However often it is paused and let go, and however slow the answer is."""
    page.goto("/admin/traffic")
    page.mouse.move(5, 5)
    asked: list[str] = []
    page.route("**/admin/traffic.json**", lambda route: (asked.append(route.request.url), route.continue_())[1])
    pause = page.locator("#traffic-pause")
    for _ in range(6):
        pause.click()
    asked.clear()
    page.wait_for_timeout(6500)
    assert 1 <= len(asked) <= 4, "every two seconds"


def test_it_is_a_table_without_scripts(browser: Browser, gateway: Gateway) -> None:
    _, request_id = call(gateway, gateway.key)
    for context in opened(browser, gateway, java_script_enabled=False):
        sign_in(context, gateway)
        page = context.new_page()
        page.goto("/admin/traffic")
        for _ in range(20):
            if row_of(page, request_id).count():
                break
            page.get_by_role("link", name="Reload").click()
        expect(row_of(page, request_id)).to_be_visible()
        expect(page.get_by_role("button", name="Pause")).to_be_hidden()
