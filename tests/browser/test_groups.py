"""What operators do with groups, prices and plans: in a browser, and seen by the programs that call the API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import PHONE, SCREEN
from tests.browser.conftest import opened, sign_in, watched
from tests.browser.test_journeys import call
from tests.live.gateway import Gateway
from torouter.accounts import hash_key, load_pepper
from torouter.accounts.propagation import wait_until_everywhere
from torouter.store import Store
from torouter.units import new_api_key

SIZES = pytest.mark.parametrize(
    ("size", "has_scripts"), [(SCREEN, True), (PHONE, False)], ids=["screen", "phone without scripts"]
)


def key_in(page: Page, name: str, group: str) -> str:
    page.goto("/keys/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Group", exact=True).select_option(group)
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("heading", name=f"{name} is ready")).to_be_visible()
    return str(page.locator("#secret").text_content())


@SIZES
def test_the_life_of_a_group(browser: Browser, gateway: Gateway, size: Any, has_scripts: bool) -> None:
    name = "scripts" if has_scripts else "plain"
    for context in opened(browser, gateway, viewport=size, java_script_enabled=has_scripts):
        sign_in(context, gateway)
        page = watched(context.new_page())
        page.goto("/admin/groups")
        page.get_by_role("link", name="Create group").click()
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Price multiplier").fill("much")
        page.get_by_label("Add a model").fill("gpt-5-mini")
        page.get_by_role("button", name="Create group").click()
        expect(page.locator("#multiplier-wrong")).to_contain_text("1.25")
        page.get_by_label("Price multiplier").fill("2")
        page.get_by_role("button", name="Create group").click()
        expect(page.get_by_role("status")).to_contain_text("in force")
        expect(page.get_by_role("cell", name=re.compile("gpt-5-mini.*Priority"))).to_be_visible()

        secret = key_in(page, f"in {name}", name)
        assert call(gateway, secret, "gpt-5-mini")[0] == 200
        assert call(gateway, secret, "gpt-5")[0] == 404, "it is not in the catalog"

        page.goto("/admin/groups")
        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_label("Models", exact=True).fill("gpt-5-mini\ngpt-5")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("in force")
        assert call(gateway, secret, "gpt-5")[0] == 200

        page.get_by_role("link", name="Delete").click()
        expect(page.get_by_role("alert")).to_contain_text("1 key is in it")
        page.goto("/keys")
        page.get_by_role("link", name=f"Delete in {name}").click()
        page.get_by_role("button", name="Delete this key").click()
        expect(page.get_by_role("status")).to_contain_text("deleted")
        page.goto("/admin/groups")
        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_role("link", name="Delete").click()
        page.get_by_role("button", name="Delete this group").click()
        expect(page.get_by_role("status")).to_contain_text("The group is deleted")
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)


def test_a_model_is_added_to_the_list_at_once(page: Page) -> None:
    page.goto("/admin/groups/new")
    more, models = page.get_by_label("Add a model"), page.get_by_label("Models", exact=True)
    for name in ("gpt-5", "gpt-5-mini", "gpt-5"):
        more.fill(name)
        more.press("Enter")
        expect(more).to_have_value("")
    expect(models).to_have_value("gpt-5\ngpt-5-mini\n")
    expect(page).to_have_url(re.compile("/admin/groups/new$"))
    assert page.locator("#known option").count() > 1


def test_why_a_request_would_go_where(page: Page) -> None:
    page.goto("/admin/groups/2/models")
    page.get_by_role("link", name="gpt-5", exact=True).click()
    expect(page.get_by_role("region", name="Asked in this order")).to_contain_text("demo")
    page.locator("#model").fill("nobodys-model")
    page.get_by_label("Client's protocol").select_option("gemini")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_text("Nobody can be asked for this now")).to_be_visible()
    expect(page.get_by_role("region", name="Not asked")).to_contain_text("has no model nobodys-model")


def test_what_a_name_means(page: Page) -> None:
    page.goto("/admin/groups")
    page.get_by_role("link", name="Model mappings").click()
    page.get_by_label("Name that clients use").fill("gpt-5-mini")
    page.get_by_role("button", name="Apply").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("main")
    expect(rows.nth(1)).to_contain_text("house")


@SIZES
def test_a_price_is_what_a_request_costs(browser: Browser, gateway: Gateway, size: Any, has_scripts: bool) -> None:
    for context in opened(browser, gateway, viewport=size, java_script_enabled=has_scripts):
        sign_in(context, gateway)
        page = watched(context.new_page())
        secret = key_in(page, "priced", "default")
        page.goto("/admin/prices")
        page.get_by_role("link", name="Add price").click()
        page.get_by_label("Model", exact=True).fill("claude-opus-4-7")
        page.get_by_label("Request: rate", exact=True).fill("0.75")
        page.get_by_role("button", name="See what changes").click()
        expect(page.get_by_text("In force from the moment that you confirm it.")).to_be_visible()
        expect(page.get_by_role("region", name="What changes")).to_contain_text("this price")
        page.get_by_role("button", name="Back to the form").click()
        expect(page.get_by_label("Request: rate", exact=True)).to_have_value("0.75")
        page.get_by_label("Input: rate", exact=True).fill("1.25")
        page.get_by_role("button", name="See what changes").click()
        page.get_by_role("button", name="Set this price").click()
        expect(page.get_by_role("status")).to_contain_text("The price is set")

        status, request_id = call(gateway, secret, "claude-opus-4-7")
        assert status == 200
        link = page.locator(f'a[href="/usage/{request_id}"]')
        for _ in range(20):
            page.goto("/usage")
            if link.count():
                break
        expect(page.locator("tr", has=link)).to_contain_text("$0.7500")
        link.first.click()
        expect(page.get_by_role("region", name="Cost")).to_contain_text("Request")

        page.goto("/admin/prices")
        page.get_by_role("link", name="End the price of claude-opus-4-7").last.click()
        page.get_by_role("button", name="End this price").click()
        expect(page.get_by_role("status")).to_contain_text("The price is ended")


def test_a_plan_pays_for_a_group(page: Page, gateway: Gateway) -> None:
    secret = key_of_grace(gateway)
    assert call(gateway, secret)[0] == 200
    for press, status in (("Pause", 403), ("Resume", 200), ("Cancel", 403)):
        page.goto("/admin/plans")
        page.get_by_role("button", name=f"{press} the subscription of Grace Hopper").click()
        expect(page.get_by_role("status")).to_contain_text("in force")
        assert call(gateway, secret)[0] == status, press
    page.get_by_role("link", name="Give a plan").click()
    page.get_by_label("Account").fill("grace@example.com")
    page.get_by_label("Group").select_option("research")
    page.get_by_label("Plan", exact=True).select_option("spare")
    page.get_by_role("button", name="Give a plan").click()
    expect(page.get_by_role("status")).to_contain_text("in force")
    expect(page.locator("tr", has_text="Grace Hopper")).to_contain_text("spare")
    assert call(gateway, secret)[0] == 200


def key_of_grace(gateway: Gateway) -> str:
    """In the group that a plan pays for, and known to the gateway."""
    secret = new_api_key()
    with Store.open(gateway.data) as store:
        account_id = next(row.id for row in store.list_accounts() if row.email == "grace@example.com")
        hashed = hash_key(load_pepper(gateway.data, {}, may_create=False), secret)
        store.create_key(
            account_id=account_id, group="research", name="hers", key_hash=hashed, head=secret[:7], tail=secret[-4:]
        )
        wait_until_everywhere(store, store.revision(), 10.0)
    return secret
