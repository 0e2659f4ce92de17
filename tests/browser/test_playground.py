"""The playground, as people use it: every dialect, streams, tools, images, two models, and the wire."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.bench import (
    DIALECTS,
    FILE,
    PIXEL,
    Scripted,
    asked,
    body_of,
    choose,
    done,
    figure,
    send,
    sides,
)
from tests.browser.chromium import PHONE, SCREEN
from tests.browser.conftest import opened, sign_in, watched
from tests.live.upstream import until


@pytest.mark.parametrize("is_wired", [False, True], ids=["plain", "wired"])
@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_answers(desk: Page, dialect: str, is_streamed: bool, is_wired: bool) -> None:
    choose(desk, "gpt-5", dialect)
    desk.get_by_label("Stream the answer").set_checked(is_streamed)
    if is_wired:
        desk.get_by_role("button", name="Wire view").click()
    calls = asked(desk)
    step = done(send(desk))
    expect(step.locator(".pg-said")).to_contain_text("You said: “Hello there”")
    [call] = calls
    assert DIALECTS[dialect] in call.url
    assert ("x-torouter-wire" in call.headers) == is_wired
    for name in ("input", "output", "cost", "first", "total"):
        expect(figure(step, name)).to_have_text(re.compile(r"\d"))
    link = figure(step, "id").get_by_role("link")
    request_id = str(link.text_content())
    assert request_id.startswith("req_")
    expect(link).to_have_attribute("href", f"/usage/{request_id}")
    expect(desk.locator("#status")).to_have_text("Answered.")

    second = done(send(desk, "And again"))
    expect(second.locator(".pg-said")).to_contain_text("And again")
    assert "You said: “Hello there”" in (calls[1].post_data or ""), "the first answer goes along"
    desk.locator(f'a[href="/usage/{request_id}"]').click()
    expect(desk.locator("#request-id")).to_have_text(request_id)


@pytest.mark.parametrize("is_wired", [False, True], ids=["plain", "wired"])
def test_a_stream_is_stopped(bench: Page, scripted: Scripted, is_wired: bool) -> None:
    choose(bench, "slow", "openai-chat")
    if is_wired:
        bench.get_by_role("button", name="Wire view").click()
    before = len(scripted.upstream.visits("slow"))
    step = send(bench)
    expect(step.locator(".pg-said")).to_contain_text("word3")
    expect(step).to_have_attribute("data-state", "running")
    expect(bench.locator("#status")).to_have_text("Answering…")
    expect(bench.locator("#send")).to_be_hidden()
    bench.locator(".pg-answer").get_by_role("button", name="Stop").click()
    expect(step).to_have_attribute("data-state", "stopped")
    expect(bench.locator("#status")).to_have_text("Stopped.")
    visit = scripted.upstream.visits("slow")[before]
    until(lambda: visit.left_at is not None)
    said = step.locator(".pg-said").inner_text()
    assert "word3" in said
    assert "word150" not in said
    expect(figure(step, "cost")).to_have_text(re.compile(r"\$"), timeout=15_000)

    calls = asked(bench)
    choose(bench, "hostile", "openai-chat")
    done(send(bench, "Go on"))
    assert body_of(calls[0])["messages"][1]["content"].strip() == said.strip(), "what was said before the stop"


def test_two_presses_send_once(bench: Page) -> None:
    choose(bench, "slow", "openai-chat")
    calls = asked(bench)
    bench.get_by_label("Your message").fill("Once")
    for _ in range(2):
        bench.keyboard.press("Control+Enter")
    bench.keyboard.type("more")
    bench.keyboard.press("Meta+Enter")
    expect(bench.locator(".pg-said").nth(1)).to_contain_text("word")
    assert len(calls) == 1
    expect(bench.get_by_label("Your message")).to_have_value("more")
    bench.locator("#stop").click()
    expect(bench.locator("#send")).to_be_visible()
    bench.keyboard.press("Enter")
    assert len(calls) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_tool_goes_round(desk: Page, dialect: str) -> None:
    choose(desk, "gpt-5", dialect)
    desk.get_by_role("button", name="Insert an example").click()
    calls = asked(desk)
    step = done(send(desk, "Weather?"))
    expect(step.locator(".pg-call")).to_contain_text("get_weather")
    expect(step.locator(".pg-call pre")).to_contain_text('"city"')
    desk.get_by_label("Your message").fill("Too early")
    desk.locator("#send").click()
    expect(desk.get_by_role("alert").filter(has_text="First say what the tools")).to_be_visible()
    assert len(calls) == 1
    desk.get_by_label("get_weather", exact=True).fill("frogs and hail")
    desk.get_by_role("button", name="Send results").click()
    last = desk.locator(".pg-step").nth(2)
    done(last)
    expect(last.locator(".pg-said")).to_contain_text("The tool answered: “frogs and hail”")
    expect(desk.locator(".pg-results")).to_have_count(0)
    assert len(calls) == 2
    assert "frogs and hail" in (calls[1].post_data or "")


def test_tools_are_checked_while_typing(desk: Page) -> None:
    tools = desk.get_by_label("Tools")
    tools.fill("[{")
    expect(desk.locator("#tools-wrong")).to_have_text("This is no valid JSON.")
    calls = asked(desk)
    desk.get_by_label("Your message").fill("Hello")
    desk.locator("#send").click()
    expect(desk.get_by_role("alert").filter(has_text="settings")).to_be_visible()
    expect(tools).to_be_focused()
    tools.fill("")
    expect(desk.locator("#tools-wrong")).to_be_hidden()
    desk.get_by_label("Temperature").fill("7")
    desk.locator("#send").click()
    expect(desk.get_by_label("Temperature")).to_be_focused()
    desk.get_by_label("Temperature").fill("0.7")
    assert calls == []
    desk.locator("#send").click()
    done(desk.locator(".pg-step"))
    assert body_of(calls[0])["temperature"] == 0.7


@pytest.mark.parametrize("dialect", DIALECTS)
def test_images_are_sent_as_data(desk: Page, dialect: str) -> None:
    choose(desk, "gpt-5", dialect)
    desk.locator("#files").set_input_files(FILE)  # type: ignore[arg-type]
    desk.evaluate(_GIVE, [_BOTH_AT_ONCE, base64.b64encode(PIXEL).decode()])
    thumbs = desk.locator("#attached img")
    expect(thumbs).to_have_count(3)
    desk.get_by_role("button", name="Remove image").first.click()
    expect(thumbs).to_have_count(2)
    calls = asked(desk)
    step = done(send(desk, "What is it?"))
    expect(step.locator(".pg-said")).to_contain_text("What is it?")
    assert str(calls[0].post_data).count(base64.b64encode(PIXEL).decode()) == 2
    expect(desk.locator("#attached")).to_be_hidden()
    expect(desk.locator(".pg-prompt img")).to_have_count(2)
    assert desk.locator(".pg-prompt img").first.evaluate("image => image.naturalWidth") == 1


def test_an_image_that_is_still_being_read_goes_along(desk: Page) -> None:
    calls = asked(desk)
    desk.get_by_label("Your message").fill("What is it?")
    desk.evaluate(_GIVE, [_BOTH_AT_ONCE, base64.b64encode(PIXEL).decode(), "#send"])
    done(desk.locator(".pg-step"))
    assert str(calls[0].post_data).count(base64.b64encode(PIXEL).decode()) == 2
    expect(desk.locator("#attached img")).to_have_count(0)


_BOTH_AT_ONCE = [["paste", "#prompt"], ["drop", "#playground"]]
_GIVE = """([given, data, pressed = null]) => {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  for (const [event, target] of given) {
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], "given.png", {type: "image/png"}));
    const place = document.querySelector(target);
    const options = {bubbles: true, cancelable: true};
    place.dispatchEvent(event === "paste"
      ? new ClipboardEvent("paste", {...options, clipboardData: carried})
      : new DragEvent("drop", {...options, dataTransfer: carried}));
  }
  if (pressed) document.querySelector(pressed).click();
}"""


def test_what_is_no_image_is_not_taken(desk: Page) -> None:
    desk.locator("#files").set_input_files({"name": "a.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"})
    expect(desk.get_by_role("alert").filter(has_text="PNG")).to_be_visible()
    expect(desk.locator("#attached img")).to_have_count(0)
    desk.locator("#files").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": bytes(10_000_001)})
    expect(desk.get_by_role("alert").filter(has_text="10 MB")).to_be_visible()


@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
def test_side_by_side(browser: Browser, scripted: Scripted, size: Any) -> None:
    for context in opened(browser, scripted.gateway, viewport=size):
        sign_in(context, scripted.gateway)
        page = watched(context.new_page())
        page.goto("/playground")
        page.get_by_role("button", name="Side by side").click()
        if size is PHONE:
            page.get_by_role("button", name="Settings").click()
        choose(page, "slow", "openai-chat")
        choose(page, "hostile", "anthropic", side=1)
        send(page, "Both")
        left, right = sides(page)
        done(right.locator(".pg-step"))
        expect(left.locator(".pg-step")).to_have_attribute("data-state", "running")
        expect(figure(right, "output")).to_have_text(re.compile(r"\d"))
        expect(right.get_by_role("button", name="Stop")).to_be_hidden()
        left.get_by_role("button", name="Stop").click()
        expect(left.locator(".pg-step")).to_have_attribute("data-state", "stopped")
        one, other = page.evaluate(  # both at once: the page may scroll
            "[...document.querySelectorAll('.pg-answer')].map((each) => each.getBoundingClientRect().toJSON())"
        )
        if size is PHONE:
            assert other["y"] >= one["y"] + one["height"]
        else:
            assert other["x"] >= one["x"] + one["width"]
            assert other["y"] == one["y"]


def test_the_wire_view(bench: Page, scripted: Scripted) -> None:
    choose(bench, "claude-opus-4-7", "openai-chat")
    bench.get_by_label("Temperature").fill("0.3")
    bench.get_by_role("button", name="Wire view").click()
    step = done(send(bench, "Over the wire"))
    expect(step.locator(".pg-said")).to_have_text("All well")
    wire = step.locator(".pg-wire")
    wire.locator("> summary").click()
    rows = wire.locator(".pg-line li")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("first")
    expect(rows.nth(0)).to_contain_text("503")
    expect(rows.nth(1)).to_contain_text("second")
    expect(wire.locator(".pg-losses li")).to_contain_text(["temperature"])
    for title, wanted in (
        ("The client sent", ["POST /v1/chat/completions", '"temperature": 0.3', "Over the wire"]),
        ("Went upstream", ["/v1/messages", '"max_tokens"', "Over the wire"]),
        ("Came back", ["HTTP 200", "event: message_start"]),
        ("Was returned", ["HTTP 200", "chat.completion.chunk", "[DONE]"]),
    ):
        body = wire.locator(".snippets > details").filter(has_text=title).last
        body.locator("summary").click()
        for each in wanted:
            expect(body.locator("code")).to_contain_text(each)
    shown = wire.inner_text()
    assert "the-upstreams-key" not in shown
    assert "Bearer sk-" not in shown
    bar = wire.locator(".pg-received").last.bounding_box()
    assert bar is not None
    assert bar["width"] > 0
