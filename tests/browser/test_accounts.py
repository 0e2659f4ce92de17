"""What operators do for others, from end to end: in a browser, and with the key that is touched by it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chromium import PHONE, SCREEN
from tests.browser.conftest import opened, sign_in, watched
from tests.browser.household import session_token
from tests.browser.test_journeys import call
from tests.live.gateway import Gateway

PASSWORD = "a password for somebody"


@pytest.mark.parametrize(
    ("size", "has_scripts"), [(SCREEN, True), (PHONE, False)], ids=["screen", "phone without scripts"]
)
def test_an_account_from_its_making_to_its_end(
    browser: Browser, gateway: Gateway, size: Any, has_scripts: bool
) -> None:
    email = f"eve-{has_scripts}@example.com".lower()
    for context in opened(browser, gateway, viewport=size, java_script_enabled=has_scripts):
        sign_in(context, gateway)
        page = watched(context.new_page())
        page.goto("/admin/accounts")
        page.get_by_role("link", name="New account").click()
        page.get_by_label("E-mail").fill(email)
        page.get_by_role("button", name="New account").click()
        expect(page.get_by_role("status").first).to_contain_text("made")
        expect(page.get_by_role("heading", name=email)).to_be_visible()
        account = page.url.partition("?")[0]

        page.get_by_role("link", name="Create key").click()
        page.get_by_label("Name").fill("theirs")
        page.get_by_role("button", name="Create key").click()
        secret = str(page.locator("#secret").text_content())
        page.get_by_role("link", name="I have it").click()
        assert call(gateway, secret)[0] == 402, "prepaid, and nothing was paid yet"

        page.get_by_role("link", name="Change balance").click()
        page.get_by_label("Amount (USD)").fill("25")
        page.get_by_label("Reason").fill("invoice 17")
        page.get_by_role("button", name="Change balance").click()
        expect(page.get_by_role("status").first).to_contain_text("balance is changed")
        expect(page.get_by_role("cell", name="invoice 17")).to_be_visible()
        assert call(gateway, secret)[0] == 200

        page.goto(account)
        page.get_by_role("button", name="Suspend").click()
        expect(page.get_by_role("status").first).to_contain_text("suspended")
        assert call(gateway, secret)[0] == 401, "at the very next call"
        page.get_by_role("button", name="Activate").click()
        expect(page.get_by_role("status").first).to_contain_text("active again")
        assert call(gateway, secret)[0] == 200

        page.get_by_role("button", name="Disable theirs").click()
        expect(page.get_by_role("status").first).to_contain_text("disabled")
        assert call(gateway, secret)[0] == 401

        page.get_by_role("link", name="Delete", exact=True).first.click()
        page.get_by_role("button", name="Delete this account").click()
        expect(page.get_by_role("status").first).to_contain_text("deleted")
        expect(page.get_by_role("link", name=email)).to_have_count(0)


def test_pressing_twice_moves_money_once(page: Page) -> None:
    page.goto("/admin/accounts/4/money")
    page.get_by_label("Amount (USD)").fill("3.50")
    page.get_by_role("button", name="Change balance").dblclick()
    expect(page.get_by_role("status").first).to_contain_text("balance is changed")
    expect(page.locator(".stat dd").first).to_have_text("$3.50")


def test_what_is_wrong_is_said_and_kept(page: Page) -> None:
    page.goto("/admin/accounts/2/money")
    page.get_by_label("What").select_option("refund")
    page.get_by_label("Amount (USD)").fill("999,999")
    page.get_by_role("button", name="Change balance").click()
    expect(page.get_by_role("alert")).to_contain_text("more than the balance")
    expect(page.get_by_label("Amount (USD)")).to_have_value("999,999")
    expect(page.get_by_label("What")).to_have_value("refund")


def test_a_password_that_an_operator_sets(page: Page, browser: Browser, gateway: Gateway) -> None:
    page.goto("/admin/accounts/4")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("status").first).to_contain_text("password is set")
    for context in opened(browser, gateway):
        other = watched(context.new_page())
        other.goto("/sign-in")
        other.get_by_label("E-mail").fill("dan@example.com")
        other.get_by_label("Password").fill(PASSWORD)
        other.get_by_role("button", name="Sign in").click()
        other.wait_for_url("**/dashboard")
        page.reload()
        page.get_by_role("button", name="Sign out its browsers").click()
        expect(page.get_by_role("status").first).to_contain_text("signed out")
        other.goto("/keys")
        other.wait_for_url("**/sign-in?**")


def test_a_user_is_shown_out(context: BrowserContext, gateway: Gateway) -> None:
    token = session_token(gateway, "bobs-session-of-a-test", account_id=2)
    context.add_cookies([{"name": "torouter_session", "value": token, "url": gateway.url}])
    page = watched(context.new_page())
    page.goto("/dashboard")
    expect(page.get_by_text("Operator")).to_have_count(0)
    for path in ("/admin", "/admin/accounts", "/admin/accounts/1", "/admin/traffic.json?after=0", "/admin/settings"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 403, path
        expect(page.get_by_role("heading", name="Not for this account")).to_be_visible()


def test_a_request_is_found_by_its_id(page: Page, gateway: Gateway) -> None:
    status, request_id = call(gateway, gateway.key)
    assert status == 200
    heading = page.locator("#request-id")
    for _ in range(20):
        page.goto("/admin/requests")
        page.get_by_label("Request id").fill(f" {request_id} ")
        page.get_by_role("button", name="Find").click()
        if heading.count():
            break
    expect(heading).to_have_text(request_id)
    expect(page.get_by_role("heading", name="Attempts")).to_be_visible()


def test_a_token_works_until_it_is_revoked(page: Page, gateway: Gateway) -> None:
    page.goto("/admin/settings")
    page.get_by_label("Name of a new token").fill("short-lived")
    page.get_by_role("button", name="Make token").click()
    token = str(page.locator("#secret").text_content())
    headers = {"authorization": f"Bearer {token}"}
    assert page.request.get("/admin/v1/accounts", headers=headers).status == 200
    page.get_by_role("link", name="I have it").click()
    page.get_by_role("link", name="Revoke short-lived").click()
    page.get_by_role("button", name="Revoke this token").click()
    expect(page.get_by_role("status").first).to_contain_text("revoked")
    assert page.request.get("/admin/v1/accounts", headers=headers).status == 401
