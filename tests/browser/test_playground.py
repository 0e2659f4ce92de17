"""The playground, as people use it: over the demo, and over an upstream that says what a test tells it to."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, expect

from tests.browser.accessible import faults_now
from tests.browser.chromium import PHONE, SCREEN
from tests.browser.conftest import opened, sign_in, watched
from tests.browser.household import furnish
from tests.live.gateway import Gateway
from tests.live.provider_errors import refusal
from tests.live.scripted import channel
from tests.live.speech import speech, whole
from tests.live.upstream import Upstream, recorded_answer, until

DIALECTS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/",
}
HOSTILE = '<img src="x" onerror="window.harm = 1"><script>window.harm = 1</script>\n```html\n<b>bold</b>\n```'
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
FILE = {"name": "dot.png", "mimeType": "image/png", "buffer": PIXEL}
MODELS = ("slow", "hostile", "broken", "thinker", "claude-opus-4-7")


@dataclass(frozen=True, slots=True)
class Scripted:
    gateway: Gateway
    upstream: Upstream


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripted]:
    """Claude has two channels, of which the first is overloaded."""
    with Upstream() as upstream:
        said = {name: name for name in MODELS}
        claude = {"claude-opus-4-7": "claude-opus-4-7"}
        channels = [
            channel(
                "chat", "openai-chat", upstream.origin, {name: said[name] for name in ("slow", "hostile", "broken")}
            ),
            channel("thinking", "anthropic", upstream.origin, {"thinker": "thinker"}),
            channel("first", "openai-chat", upstream.origin, {"claude-opus-4-7": "busy"}, priority=1),
            channel("second", "anthropic", upstream.origin, claude, priority=2),
        ]
        slow = speech("openai-chat", [f"word{number} " for number in range(200)])
        upstream.script("slow", slow.answer(pace_s=0.1))
        upstream.script("hostile", speech("openai-chat", [HOSTILE[:20], HOSTILE[20:]]).answer())
        upstream.script("broken", refusal("openai-chat", "rate", 429))
        upstream.script("busy", refusal("openai-chat", "busy", 503))
        upstream.script("claude-opus-4-7", speech("anthropic", ["All ", "well"]).answer())
        upstream.script("thinker", recorded_answer("anthropic-messages/stream/010"))
        folder = tmp_path_factory.mktemp("scripted")
        with Gateway(folder, channels=channels, upstream={"retry_s": 3}) as gateway:
            furnish(gateway, requests=0)
            yield Scripted(gateway, upstream)


@pytest.fixture
def bench(browser: Browser, scripted: Scripted) -> Iterator[Page]:
    """The page over the scripted upstream."""
    for context in opened(browser, scripted.gateway):
        sign_in(context, scripted.gateway)
        page = watched(context.new_page())
        page.goto("/playground")
        yield page


@pytest.fixture
def desk(page: Page) -> Page:
    """The page over the demo."""
    page.goto("/playground")
    return page


def choose(page: Page, model: str, dialect: str, side: int = 0) -> None:
    page.locator(f"#model-{side}").fill(model)
    page.locator(f"#dialect-{side}").select_option(dialect)


def send(page: Page, text: str = "Hello there") -> Locator:
    """The last answer of the first side."""
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Control+Enter")
    return page.locator(".pg-exchange").last.locator(".pg-step").last


def done(step: Locator) -> Locator:
    expect(step).to_have_attribute("data-state", "done")
    return step


def asked(page: Page) -> list[Request]:
    """The API calls that the page makes from now on."""
    found: list[Request] = []
    page.on("request", lambda request: found.append(request) if _is_call(request) else None)
    return found


def _is_call(request: Request) -> bool:
    return request.method == "POST" and any(path in request.url for path in DIALECTS.values())


def body_of(request: Request) -> Any:
    return json.loads(request.post_data or "")


def figure(step: Locator, name: str) -> Locator:
    return step.locator(f'.pg-figures [data-figure="{name}"] dd')


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
    for event, target in (("paste", "#prompt"), ("drop", "#playground")):
        desk.evaluate(_GIVE, [event, target, base64.b64encode(PIXEL).decode()])
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


_GIVE = """async ([event, target, data]) => {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], "given.png", {type: "image/png"}));
  const place = document.querySelector(target);
  const options = {bubbles: true, cancelable: true};
  place.dispatchEvent(event === "paste"
    ? new ClipboardEvent("paste", {...options, clipboardData: carried})
    : new DragEvent("drop", {...options, dataTransfer: carried}));
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
        left, right = page.locator(".pg-answer").all()
        done(right.locator(".pg-step"))
        expect(left.locator(".pg-step")).to_have_attribute("data-state", "running")
        expect(figure(right, "output")).to_have_text(re.compile(r"\d"))
        expect(right.get_by_role("button", name="Stop")).to_be_hidden()
        left.get_by_role("button", name="Stop").click()
        expect(left.locator(".pg-step")).to_have_attribute("data-state", "stopped")
        one, other = left.bounding_box(), right.bounding_box()
        assert one is not None
        assert other is not None
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
    scripted.upstream.script("hostile", speech("openai-chat", [HOSTILE[:20], HOSTILE[20:]]).answer())


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
    expect(bench.locator(".pg-step")).to_have_count(3)
    blocks = body_of(calls[1])["messages"][1]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "tool_use"]
    assert blocks[0]["signature"]


def test_turns_are_edited_deleted_and_answered_anew(desk: Page) -> None:
    choose(desk, "gpt-5", "openai-chat")
    calls = asked(desk)
    done(send(desk, "One"))
    done(send(desk, "Two"))
    first, second = desk.locator(".pg-exchange").all()
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
        left, right = page.locator(".pg-answer").all()
        done(left.locator(".pg-step"))
        expect(right.locator(".pg-step")).to_have_attribute("data-state", "failed")
        for summary in page.locator(".pg-wire > summary").all():
            summary.click()
        for summary in page.locator(".pg-wire .snippets summary").all():
            summary.click()
        right.get_by_text("As it came").click()
        page.locator(".pg-prompt").get_by_role("button", name="Edit").click()
        page.locator("#tools").fill("[")
        assert faults_now(page, axe) == []
        page.locator("#tools").fill("")
        page.get_by_role("button", name="Code").first.click()
        assert faults_now(page, axe) == []
