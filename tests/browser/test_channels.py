"""What an operator does with channels in a browser, and what requests then find."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import PHONE
from tests.browser.conftest import opened, sign_in, watched
from tests.browser.household import furnish
from tests.live.faults import FIRST, good
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.provider_errors import refusal
from tests.live.upstream import Upstream

KEY = "sk-the-key-that-nobody-sees-4321"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway of these tests' own: what they add, others do not see."""
    with Gateway(tmp_path_factory.mktemp("channels")) as running:
        furnish(running, requests=5)
        yield running


def call(gateway: Gateway, model: str) -> tuple[int, str]:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": True}).encode()
    headers = {"authorization": f"Bearer {FIRST_KEY}", "content-type": "application/json"}
    request = urllib.request.Request(f"{gateway.url}/v1/chat/completions", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def add(page: Page, name: str, upstream: Upstream, models: str) -> None:
    page.goto("/admin/channels")
    page.locator(".head").get_by_role("link", name="Add channel").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Kind").select_option("openai-compatible")
    page.get_by_label("Base URL").fill(f"{upstream.origin}/v1")
    page.get_by_label("API key").fill(KEY)
    page.get_by_label("Models").fill(models)
    page.get_by_role("button", name="Add channel").click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_the_life_of_a_channel(browser: Browser, alone: Gateway, upstream: Upstream) -> None:
    for context in opened(browser, alone):
        sign_in(context, alone)
        page = watched(context.new_page())
        _live(page, alone, upstream, "journey")


def test_the_same_on_a_phone_without_scripts(browser: Browser, alone: Gateway, upstream: Upstream) -> None:
    for context in opened(browser, alone, viewport=PHONE, java_script_enabled=False):
        sign_in(context, alone)
        page = watched(context.new_page())
        _live(page, alone, upstream, "still")


def _live(page: Page, gateway: Gateway, upstream: Upstream, name: str) -> None:
    theirs = f"up-{name}"
    wrong, right = refusal("openai-chat", "key", 401), good("openai-chat", True, FIRST)
    upstream.script(theirs, wrong, right)
    add(page, name, upstream, f"{name} = {theirs}")
    expect(page.get_by_role("status")).to_contain_text("Test it")

    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_role("heading", name="The key is refused")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Replace the credential")
    expect(page.locator("main")).to_contain_text(f"{upstream.origin}/v1/chat/completions")
    assert KEY not in page.content()
    page.get_by_role("link", name="Back to the channel").click()
    page.get_by_role("link", name="Edit default").click()
    page.get_by_label("New key").fill(f"{KEY}-new")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("replaced")

    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_role("heading", name="It works")).to_be_visible()
    expect(page.locator("main")).to_contain_text("".join(FIRST))
    assert upstream.visits(theirs)[-1].header("authorization") == f"Bearer {KEY}-new"

    status, answer = call(gateway, name)
    assert (status, FIRST[0] in answer) == (200, True)
    page.get_by_role("link", name="Back to the channel").click()
    expect(page.locator("#health")).to_contain_text(theirs)
    expect(page.locator("#health")).to_contain_text("Good")

    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("status")).to_contain_text("disabled")
    assert call(gateway, name)[0] == 404
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete this channel").click()
    expect(page.get_by_role("status")).to_contain_text("deleted")
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)


def test_health_is_seen_as_it_changes(browser: Browser, alone: Gateway, upstream: Upstream) -> None:
    upstream.script("up-live", good("openai-chat", True, FIRST), refusal("openai-chat", "key", 401))
    for context in opened(browser, alone):
        sign_in(context, alone)
        page = watched(context.new_page())
        add(page, "live", upstream, "live = up-live")
        health = page.locator("#health")
        expect(health).to_contain_text("Nobody has asked it yet")
        assert call(alone, "live")[0] == 200
        expect(health).to_contain_text("up-live", timeout=10_000)
        assert call(alone, "live")[0] != 200
        expect(health).to_contain_text("Credential default", timeout=10_000)
        expect(health).to_contain_text("key refused")
        page.goto("/admin/channels")
        expect(page.get_by_role("row").filter(has_text="live")).to_contain_text("Partly cooling down")
        page.get_by_role("link", name="live", exact=True).click()
        page.get_by_role("button", name="Mended: clear").click()
        expect(page.get_by_role("status")).to_contain_text("Nothing is held")
        expect(health).not_to_contain_text("Cooling down")


def test_a_tab_that_nobody_looks_at_asks_nothing(page: Page) -> None:
    asked: list[str] = []
    page.goto("/admin/channels/1", wait_until="load")
    page.on("request", lambda request: asked.append(request.url) if request.resource_type == "fetch" else None)
    _look(page, is_hidden=True)
    page.wait_for_timeout(4000)
    assert asked == []
    with page.expect_request("**/admin/channels/1", timeout=2000):
        _look(page, is_hidden=False)


def _look(page: Page, *, is_hidden: bool) -> None:
    """As if the tab had been left, or come back to."""
    page.evaluate(
        """(isHidden) => {
             Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
             document.dispatchEvent(new Event("visibilitychange"));
           }""",
        is_hidden,
    )


def test_what_was_typed_stays_and_the_key_does_not(page: Page) -> None:
    page.goto("/admin/channels/new")
    page.get_by_label("Name", exact=True).fill("typed")
    page.get_by_label("Kind").select_option("openai")
    page.get_by_label("API key").fill(KEY)
    page.get_by_label("Priority").fill("soon")
    page.get_by_role("button", name="Add channel").click()
    expect(page.locator("#priority-wrong")).to_have_text("Expected a whole number.")
    expect(page.get_by_label("Name", exact=True)).to_have_value("typed")
    expect(page.get_by_label("Kind")).to_have_value("openai")
    expect(page.get_by_label("API key")).to_have_value("")


def test_a_test_that_takes_long_says_so(browser: Browser, alone: Gateway, upstream: Upstream) -> None:
    upstream.script("up-slow", replace(good("openai-chat", True, FIRST), delay_s=1.5))
    for context in opened(browser, alone):
        sign_in(context, alone)
        page = watched(context.new_page())
        add(page, "slow", upstream, "slow = up-slow")
        said = page.evaluate(
            """() => {
                 const form = document.querySelector("form[data-busy]");
                 form.requestSubmit();
                 return form.querySelector("button").textContent;
               }"""
        )
        assert said == "Testing…"
        expect(page.get_by_role("heading", name="It works")).to_be_visible()
