"""The playground where there are hundreds of models: what it offers, and what it fetches when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.bench import DIALECTS, asked, body_of, choose, done, send
from tests.browser.conftest import opened, sign_in, watched
from tests.browser.household import MANY
from tests.live.gateway import Gateway

LAST = MANY[399]
MODELS = "**/playground/models.json*"
DIALECT_MODULES = re.compile(r"/playground/dialects/(?!all|common)(\w+)\.js$")


@pytest.fixture
def crowd(browser: Browser, crowded: Gateway) -> Iterator[Page]:
    """Its playground."""
    for context in opened(browser, crowded):
        sign_in(context, crowded)
        page = watched(context.new_page())
        page.goto("/playground")
        yield page


class Gate:
    """Before the dialects' modules."""

    def __init__(self, page: Page) -> None:
        self._held: list[Route] | None = []
        page.route(DIALECT_MODULES, self._came)

    def _came(self, route: Route) -> None:
        if self._held is None:
            route.continue_()
        else:
            self._held.append(route)

    def open(self) -> None:
        held, self._held = self._held or [], None
        for route in held:
            route.continue_()


def offered(page: Page) -> list[str]:
    names: list[str] = page.locator("#models option").evaluate_all("all => all.map((each) => each.value)")
    return names


def searched(route: Route) -> str:
    return parse_qs(urlsplit(route.request.url).query, keep_blank_values=True)["search"][0]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_one_of_hundreds_is_found_and_called(crowd: Page, dialect: str) -> None:
    assert LAST not in offered(crowd)
    field = crowd.locator("#model-0")
    field.fill("")
    field.press_sequentially("MODEL-399")
    expect(crowd.locator("#models option")).to_have_count(1)
    assert offered(crowd) == [LAST]
    choose(crowd, LAST, dialect)
    calls = asked(crowd)
    step = done(send(crowd))
    expect(step.locator(".pg-said")).to_contain_text("You said: “Hello there”")
    expect(crowd.locator(".pg-answer header strong")).to_have_text(LAST)
    [call] = calls
    assert DIALECTS[dialect] in call.url
    assert quote(LAST, safe="") in call.url if dialect == "gemini" else body_of(call)["model"] == LAST


def test_the_first_are_in_the_page_and_each_group_has_its_own(crowd: Page) -> None:
    assert len(offered(crowd)) == 50
    assert crowd.locator("#model-0").input_value() == offered(crowd)[0]
    crowd.locator("#group").select_option("trial")
    expect(crowd.locator("#models option")).to_have_count(1)
    assert offered(crowd) == ["gpt-5-mini"]


@pytest.mark.parametrize("name", [LAST, f"{LAST}-thinking"], ids=["itself", "thinking"])
def test_how_it_is_told_to_think_is_known(crowd: Page, name: str) -> None:
    choose(crowd, name, "anthropic")
    crowd.get_by_label("Reasoning", exact=True).select_option("low")
    calls = asked(crowd)
    done(send(crowd))
    assert body_of(calls[0])["thinking"] == {"type": "enabled", "budget_tokens": 1024}


def test_of_two_searches_the_later_stays(crowd: Page) -> None:
    held: list[Route] = []

    def answer(route: Route) -> None:
        if searched(route) == "early":
            held.append(route)
        else:
            route.fulfill(json={"models": [{"name": searched(route), "thinks_by_budget": False}]})

    crowd.route(MODELS, answer)
    with crowd.expect_request(MODELS):
        crowd.locator("#model-0").fill("early")
    crowd.locator("#model-0").fill(LAST)
    expect(crowd.locator("#models option")).to_have_count(1)
    held[0].fulfill(json={"models": [{"name": "early", "thinks_by_budget": False}]})
    done(send(crowd))
    assert offered(crowd) == [LAST]


@pytest.mark.parametrize("failure", ["away", "signed out"])
def test_where_nobody_answers_one_types_and_sends(crowd: Page, failure: str) -> None:
    before = offered(crowd)

    def fail(route: Route) -> None:
        if failure == "away":
            route.abort()
        else:
            route.fulfill(status=303, headers={"location": "/sign-in"})

    crowd.route(MODELS, fail)
    with crowd.expect_request(MODELS):
        choose(crowd, LAST, "anthropic")
    crowd.get_by_label("Reasoning", exact=True).select_option("low")
    calls = asked(crowd)
    done(send(crowd))
    assert body_of(calls[0])["model"] == LAST
    assert offered(crowd) == before


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_is_fetched_when_it_is_wanted(crowd: Page, dialect: str) -> None:
    """And a press of Send before it has come is not lost, nor counts twice."""
    fetched: list[str] = []
    crowd.on("request", lambda request: fetched.extend(DIALECT_MODULES.findall(request.url)))
    crowd.reload(wait_until="networkidle")
    assert fetched == []
    gate = Gate(crowd)
    choose(crowd, LAST, dialect)
    calls = asked(crowd)
    step = send(crowd)
    crowd.keyboard.press("Control+Enter")
    expect(step).to_have_attribute("data-state", "running")
    expect(crowd.locator(".pg-prompt .pg-said")).to_have_text("Hello there")
    expect(crowd.locator("#send")).to_be_hidden()
    assert calls == []
    gate.open()
    done(step)
    assert len(calls) == 1
    assert set(fetched) <= {dialect.replace("-", "_"), "openai_chat"}


def test_a_dialect_that_does_not_come_is_told(crowd: Page) -> None:
    crowd.route(DIALECT_MODULES, lambda route: route.abort())
    step = send(crowd)
    expect(step).to_have_attribute("data-state", "failed")
    expect(step.locator(".pg-error")).to_contain_text("could not be reached")
    expect(step.locator(".pg-figures > :visible")).to_have_count(0)
    step.get_by_role("button", name="Code").click()
    expect(crowd.get_by_role("alert").filter(has_text="could not be reached").last).to_be_visible()
    expect(crowd.get_by_role("dialog")).to_be_hidden()


def test_what_waits_for_its_dialect_is_stopped(crowd: Page) -> None:
    gate = Gate(crowd)
    calls = asked(crowd)
    step = send(crowd)
    expect(step).to_have_attribute("data-state", "running")
    crowd.locator("#stop").click()
    gate.open()
    expect(step).to_have_attribute("data-state", "stopped")
    assert calls == []


def test_what_is_set_as_one_sends_is_sent(crowd: Page) -> None:
    """Also where the dialect comes later."""
    gate = Gate(crowd)
    crowd.get_by_label("Temperature").fill("0.3")
    calls: list[Any] = asked(crowd)
    step = send(crowd)
    crowd.get_by_label("Temperature").fill("0.9")
    gate.open()
    done(step)
    assert body_of(calls[0])["temperature"] == 0.3
