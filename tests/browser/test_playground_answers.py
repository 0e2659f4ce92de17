"""The playground's answers when something is odd with them, and what people do with them afterwards."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.accessible import faults_now, learn
from tests.browser.bench import (
    FILE,
    HOSTILE,
    Scripted,
    asked,
    body_of,
    choose,
    done,
    figure,
    hostile,
    send,
    sides,
)
from tests.browser.chromium import PHONE, SCREEN
from tests.browser.conftest import opened, sign_in, watched
from tests.live.gateway import Gateway
from tests.live.provider_errors import refusal
from tests.live.speech import speech, whole


def test_an_error_is_the_dialects_own(bench: Page) -> None:
    choose(bench, "broken", "anthropic")
    step = send(bench, "Fail")
    expect(step).to_have_attribute("data-state", "failed")
    error = step.locator(".pg-error")
    expect(error.locator("strong")).to_have_text("HTTP 429 · rate_limit_error")
    expect(error.locator("code")).to_have_text(re.compile(r"^req_\w+$"))
    error.get_by_text("As it came").click()
    expect(error.locator("pre")).to_contain_text('"type": "error"')
    choose(bench, "nobody's", "gemini")
    expect(send(bench, "Fail").locator(".pg-error strong")).to_have_text("HTTP 404 · NOT_FOUND")
    calls = asked(bench)
    choose(bench, "hostile", "openai-chat")
    done(send(bench, "Now"))
    texts = [message["content"] for message in body_of(calls[0])["messages"]]
    assert texts == ["Fail", "Fail", "Now"]


def test_an_error_within_a_stream_keeps_what_was_said(bench: Page, scripted: Scripted) -> None:
    good = speech("openai-chat", ["Half ", "of it"])
    cut = replace(good, ending=(), terminator=()).answer()
    scripted.upstream.script("broken", cut)
    choose(bench, "broken", "openai-chat")
    step = send(bench)
    expect(step).to_have_attribute("data-state", "failed")
    expect(step.locator(".pg-said")).to_have_text("Half of it")
    expect(step.locator(".pg-error p")).not_to_be_empty()
    scripted.upstream.script("broken", refusal("openai-chat", "rate", 429))


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
def test_what_a_model_says_is_text(bench: Page, scripted: Scripted, is_streamed: bool) -> None:
    if not is_streamed:
        scripted.upstream.script("hostile", whole("openai-chat", [HOSTILE]))
    choose(bench, "hostile", "openai-chat")
    bench.get_by_label("Stream the answer").set_checked(is_streamed)
    bench.get_by_role("button", name="Wire view").click()
    step = done(send(bench, HOSTILE))
    step.locator(".pg-wire > summary").click()
    for said in (step.locator(".pg-said"), bench.locator(".pg-prompt .pg-said")):
        expect(said).to_contain_text('<img src="x" onerror="window.harm = 1">')
        expect(said.locator("pre")).to_have_text("<b>bold</b>")
        assert said.locator("img, script, b").count() == 0
    assert bench.evaluate("window.harm") is None
    scripted.upstream.script("hostile", hostile())


def test_reasoning_stands_apart_and_goes_back(bench: Page) -> None:
    choose(bench, "thinker", "anthropic")
    bench.get_by_label("Reasoning", exact=True).select_option("high")
    calls = asked(bench)
    step = done(send(bench))
    thought = step.locator(".pg-thought")
    expect(thought).to_be_hidden()
    step.get_by_text("Reasoning", exact=True).first.click()
    expect(thought).to_be_visible()
    assert thought.inner_text().strip()
    expect(figure(step, "reasoning")).to_have_text("53")
    assert body_of(calls[0])["output_config"] == {"effort": "high"}
    bench.locator(".pg-result textarea").fill("1.0")
    bench.get_by_role("button", name="Send results").click()
    done(bench.locator(".pg-step").nth(2))
    blocks = body_of(calls[1])["messages"][1]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "tool_use"]
    assert blocks[0]["signature"]


def test_turns_are_edited_deleted_and_answered_anew(desk: Page) -> None:
    choose(desk, "gpt-5", "openai-chat")
    calls = asked(desk)
    done(send(desk, "One"))
    done(send(desk, "Two"))
    first, second = desk.locator(".pg-exchange").all()
    with desk.expect_request("**/v1/chat/completions"):
        second.get_by_role("button", name="Regenerate").click()
    expect.soft(second.locator(".pg-step")).to_have_count(1)
    done(second.locator(".pg-step"))
    assert len(calls) == 3
    assert len(body_of(calls[2])["messages"]) == 3

    first.locator(".pg-answers").get_by_role("button", name="Edit").click()
    first.locator(".pg-answers textarea").fill("Something else")
    first.get_by_role("button", name="Save").click()
    expect(first.locator(".pg-step .pg-said")).to_have_text("Something else")
    done(send(desk, "Three"))
    assert [each["content"] for each in body_of(calls[3])["messages"]][:2] == ["One", "Something else"]

    first.locator(".pg-prompt").get_by_role("button", name="Edit").click()
    first.locator(".pg-prompt textarea").fill("One again")
    desk.keyboard.press("Escape")
    expect(first.locator(".pg-prompt .pg-said")).to_have_text("One")
    second.get_by_role("button", name="Delete").click()
    expect(desk.locator(".pg-exchange")).to_have_count(2)
    expect(desk.get_by_label("Your message")).to_be_focused()
    first.locator(".pg-prompt").get_by_role("button", name="Edit").click()
    first.locator(".pg-prompt textarea").fill("One again")
    first.get_by_role("button", name="Send again").click()
    expect(desk.locator(".pg-exchange")).to_have_count(1)
    done(desk.locator(".pg-step"))
    assert [each["content"] for each in body_of(calls[-1])["messages"]] == ["One again"]
    desk.get_by_role("button", name="Clear").click()
    expect(desk.get_by_role("heading", name="Try a model")).to_be_visible()


def test_a_key_that_is_over_is_renewed_silently(desk: Page) -> None:
    keys: list[str] = []

    def first_is_wrong(route: Any) -> None:
        keys.append("asked")
        if len(keys) == 1:
            route.fulfill(json={"key": "sk-wrong", "expires_at": "2099-01-01T00:00:00Z", "group": "default"})
        else:
            route.continue_()

    desk.route("**/playground/key", first_is_wrong)
    calls = asked(desk)
    choose(desk, "gpt-5", "openai-chat")
    step = done(send(desk))
    expect(step.locator(".pg-error")).to_be_hidden()
    assert (len(keys), len(calls)) == (2, 2)
    done(send(desk, "Again"))
    assert (len(keys), len(calls)) == (2, 3)


def test_an_ended_session_says_so(desk: Page, context: BrowserContext) -> None:
    context.clear_cookies()
    step = send(desk)
    expect(step).to_have_attribute("data-state", "failed")
    expect(step.locator(".pg-error")).to_contain_text("Your session has ended.")


def test_a_gateway_that_is_away_is_told(desk: Page) -> None:
    choose(desk, "gpt-5", "openai-chat")
    desk.route("**/v1/chat/completions", lambda route: route.abort())
    step = send(desk)
    expect(step.locator(".pg-error")).to_contain_text("could not be reached")


def test_the_same_request_as_a_program(desk: Page, gateway: Gateway) -> None:
    desk.get_by_role("button", name="Side by side").click()
    choose(desk, "gpt-5", "openai-chat")
    choose(desk, "claude-opus-4-7", "anthropic", side=1)
    desk.get_by_label("Your message").fill("It's me")
    desk.get_by_role("button", name="Code").click()
    dialog = desk.get_by_role("dialog")
    text = dialog.locator("#code-text")
    expect(text).to_contain_text(f"curl -N '{gateway.url}/v1/chat/completions'")
    expect(text).to_contain_text("It's me")
    dialog.get_by_role("button", name="claude-opus-4-7").click()
    dialog.get_by_role("button", name="Python").click()
    expect(text).to_contain_text("from anthropic import Anthropic")
    dialog.get_by_role("button", name="Node").click()
    expect(text).to_contain_text('import Anthropic from "@anthropic-ai/sdk";')
    assert "sk-" not in str(text.text_content()).replace("@anthropic-ai/sdk", "")
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(desk.locator(".pg-exchange")).to_have_count(0)


def test_without_scripts_it_says_so(browser: Browser, gateway: Gateway) -> None:
    for context in opened(browser, gateway, java_script_enabled=False):
        sign_in(context, gateway)
        page = context.new_page()
        page.goto("/playground")
        assert "needs JavaScript" in page.locator("main").inner_text()
        expect(page.locator("#composer")).to_be_hidden()


def test_a_model_can_be_named_in_the_address(page: Page) -> None:
    page.goto("/model?name=claude-opus-4-7")
    page.get_by_role("link", name="Try it").click()
    expect(page.locator("#model-0")).to_have_value("claude-opus-4-7")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
def test_everything_open_is_good(browser: Browser, scripted: Scripted, axe: str, theme: Any, size: Any) -> None:
    options = {"viewport": size, "color_scheme": theme, "bypass_csp": True}  # for axe alone
    for context in opened(browser, scripted.gateway, **options):
        sign_in(context, scripted.gateway)
        page = watched(context.new_page())
        page.goto("/playground")
        for name in ("Side by side", "Wire view"):
            page.get_by_role("button", name=name).click()
        if size is PHONE:
            page.get_by_role("button", name="Settings").click()
        choose(page, "claude-opus-4-7", "openai-chat")
        choose(page, "broken", "gemini", side=1)
        page.locator("#files").set_input_files(FILE)  # type: ignore[arg-type]
        send(page, HOSTILE + "x" * 300)
        left, right = sides(page)
        done(left.locator(".pg-step"))
        expect(right.locator(".pg-step")).to_have_attribute("data-state", "failed")
        for summary in page.locator(".pg-wire > summary").all():
            summary.click()
        for summary in page.locator(".pg-wire .snippets summary").all():
            summary.click()
        right.get_by_text("As it came").click()
        page.locator(".pg-prompt").get_by_role("button", name="Edit").click()
        page.locator("#tools").fill("[")
        learn(page, axe)
        assert faults_now(page) == []
        page.locator("#tools").fill("")
        page.get_by_role("button", name="Code").first.click()
        assert faults_now(page) == []
