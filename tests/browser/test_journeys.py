"""What people do, from end to end: in a browser, and with the key that they made there."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from tests.browser.chromium import PHONE, SCREEN
from tests.browser.conftest import opened, sign_in, watched
from tests.browser.household import EMAIL, PASSWORD
from tests.live.gateway import Gateway
from torouter.accounts.office.entrance import IDLE_MS
from torouter.store import Store


def call(gateway: Gateway, key: str, model: str = "gpt-5") -> tuple[int, str]:
    """The status, and the request id."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{gateway.url}/v1/chat/completions", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers["x-request-id"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["x-request-id"]


@pytest.mark.parametrize(
    ("size", "has_scripts"), [(SCREEN, True), (PHONE, False)], ids=["screen", "phone without scripts"]
)
def test_the_life_of_a_key(browser: Browser, gateway: Gateway, size: Any, has_scripts: bool) -> None:
    for context in opened(browser, gateway, viewport=size, java_script_enabled=has_scripts):
        sign_in(context, gateway)
        page = watched(context.new_page())
        page.goto("/keys")
        page.locator(".head").get_by_role("link", name="Create key").click()
        page.get_by_label("Name").fill("journey")
        page.get_by_role("button", name="Create key").click()
        expect(page.get_by_role("heading", name="journey is ready")).to_be_visible()
        secret = str(page.locator("#secret").text_content())

        status, request_id = call(gateway, secret)
        assert status == 200
        link = page.locator(f'a[href="/usage/{request_id}"]')
        for _ in range(20):
            page.goto("/usage")
            if link.count():
                break
        link.first.click()
        expect(page.locator("#request-id")).to_have_text(request_id)
        expect(page.get_by_role("heading", name="Attempts")).to_be_visible()

        page.goto("/keys")
        page.get_by_role("link", name="Edit journey").click()
        page.get_by_label("Models", exact=True).fill("gpt-5-mini")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("in force")
        assert call(gateway, secret)[0] == 403
        assert call(gateway, secret, "gpt-5-mini")[0] == 200

        page.get_by_role("button", name="Disable journey").click()
        expect(page.get_by_role("status")).to_contain_text("disabled")
        assert call(gateway, secret, "gpt-5-mini")[0] == 401

        page.get_by_role("link", name="Delete journey").click()
        page.get_by_role("button", name="Delete this key").click()
        expect(page.get_by_role("status")).to_contain_text("deleted")
        expect(page.get_by_role("link", name="journey", exact=True)).to_have_count(0)
        assert call(gateway, secret, "gpt-5-mini")[0] == 401


def test_the_first_password(browser: Browser, tmp_path: Path) -> None:
    with Gateway(tmp_path) as gateway:
        address = next(line.strip() for line in gateway.log_text().splitlines() if "/setup?token=" in line)
        for context in opened(browser, gateway):
            page = watched(context.new_page())
            page.goto(address)
            page.get_by_label("Password", exact=True).fill("short")
            page.get_by_label("The same password again").fill("short")
            page.get_by_role("button", name="Set password").click()
            expect(page.get_by_role("heading", name="Set up this gateway")).to_be_visible()
            page.get_by_label("Password", exact=True).fill(PASSWORD)
            page.get_by_label("The same password again").fill(PASSWORD)
            page.get_by_role("button", name="Set password").click()
            page.wait_for_url("**/dashboard")
            expect(page.get_by_role("heading", name="Ready for the first request")).to_be_visible()
            page.goto(address)
            expect(page.get_by_text("wrong, or was used already")).to_be_visible()
        gateway.stop()
        gateway.start()
        assert "/setup?token=" not in gateway.log_text().partition("Sign in: ")[2]


class TestSigningIn:
    def test_wrong_then_right_and_back_to_where_one_was(self, context: BrowserContext) -> None:
        page = watched(context.new_page())
        page.goto("/usage?model=gpt-5")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("wrong")
        expect(page.get_by_label("E-mail")).to_have_value(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/usage?model=gpt-5")
        (cookie,) = [each for each in context.cookies() if each["name"] == "torouter_session"]
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
        assert "torouter_session" not in str(page.evaluate("document.cookie"))

    def test_an_expired_session(self, context: BrowserContext, page: Page, gateway: Gateway) -> None:
        page.goto("/keys/new")
        page.get_by_label("Name").fill("late")
        with Store.open(gateway.data) as store:
            store.sweep_sessions(2**62, IDLE_MS)
        page.get_by_role("button", name="Create key").click()
        expect(page.get_by_role("status")).to_contain_text("Your session is over")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/keys/new")

    def test_after_signing_out_back_shows_nothing(self, context: BrowserContext, page: Page) -> None:
        page.goto("/keys")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("status")).to_contain_text("signed out")
        page.go_back()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert "laptop" not in page.content()


class TestForms:
    def test_pressing_twice_makes_one_key(self, page: Page) -> None:
        page.goto("/keys/new")
        page.get_by_label("Name").fill("twice")
        page.get_by_role("button", name="Create key").dblclick()
        expect(page.get_by_role("heading", name="twice is ready")).to_be_visible()
        page.goto("/keys")
        expect(page.get_by_role("link", name="twice", exact=True)).to_have_count(1)

    def test_the_back_button_does_not_show_a_secret_again(self, page: Page) -> None:
        page.goto("/keys/new")
        page.get_by_label("Name").fill("back")
        page.get_by_role("button", name="Create key").click()
        secret = str(page.locator("#secret").text_content())
        page.get_by_role("link", name="I have it").click()
        with pytest.raises(Error, match="ERR_CACHE_MISS"):  # the browser asks whether to send the form again
            page.go_back()
        page.wait_for_url("chrome-error://**")
        assert secret not in page.content()
        page.goto("/keys")
        expect(page.get_by_role("link", name="back", exact=True)).to_have_count(1)

    def test_what_is_wrong_is_said_and_kept(self, page: Page) -> None:
        page.goto("/keys/new")
        page.get_by_label("Name").fill("networks")
        page.get_by_label("Only from").fill("203.0.113.0/24\nnonsense")
        page.get_by_role("button", name="Create key").click()
        expect(page.locator("#ip_allow-wrong")).to_contain_text("Line 2")
        expect(page.get_by_label("Name")).to_have_value("networks")
        expect(page.get_by_label("Only from")).to_have_value("203.0.113.0/24\nnonsense")

    def test_two_tabs(self, context: BrowserContext, page: Page) -> None:
        """The one that saves last wins only in what it changed on purpose: its whole form is what is saved."""
        other = watched(context.new_page())
        page.goto("/keys/2")
        other.goto("/keys/2")
        page.get_by_label("Requests a minute").fill("11")
        page.get_by_role("button", name="Save").click()
        other.goto("/keys/2")
        expect(other.get_by_label("Requests a minute")).to_have_value("11")
        other.get_by_label("Requests a minute").fill("")
        other.get_by_role("button", name="Save").click()
        expect(other.get_by_role("status")).to_contain_text("in force")

    def test_copying(self, context: BrowserContext, page: Page) -> None:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto("/keys/new")
        page.get_by_label("Name").fill("copied")
        page.get_by_role("button", name="Create key").click()
        page.locator(".secret").get_by_role("button", name="Copy").click()
        assert page.evaluate("navigator.clipboard.readText()") == page.locator("#secret").text_content()


def test_the_file_has_what_the_filters_ask(page: Page) -> None:
    page.goto("/usage")
    page.get_by_role("combobox", name="Model").fill("claude-opus-4-7")
    page.get_by_role("button", name="Apply").click()
    with page.expect_download() as found:
        page.get_by_role("link", name="Export CSV").click()
    assert found.value.suggested_filename.startswith("usage-")
    lines = Path(found.value.path()).read_text("utf-8").splitlines()
    assert len(lines) > 2
    assert all("claude-opus-4-7" in line for line in lines[1:])
