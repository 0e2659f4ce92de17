"""The playground in a test's hands: what is set, sent and seen there, and an upstream that says what it is told to."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, Request, expect

from tests.browser.household import furnish
from tests.live.gateway import Gateway
from tests.live.provider_errors import refusal
from tests.live.scripted import channel
from tests.live.speech import speech
from tests.live.upstream import Answer, Upstream, recorded_answer

__all__ = [
    "DIALECTS", "FILE", "HOSTILE", "PIXEL", "Scripted", "asked", "body_of", "choose", "done", "figure", "hostile",
    "scripted_gateway", "send", "sides",
]  # fmt: skip

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


@contextmanager
def scripted_gateway(folder: Path) -> Iterator[Scripted]:
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
        upstream.script("hostile", hostile())
        upstream.script("broken", refusal("openai-chat", "rate", 429))
        upstream.script("busy", refusal("openai-chat", "busy", 503))
        upstream.script("claude-opus-4-7", speech("anthropic", ["All ", "well"]).answer())
        upstream.script("thinker", recorded_answer("anthropic-messages/stream/010"))
        with Gateway(folder, channels=channels, upstream={"retry_s": 3}) as gateway:
            furnish(gateway, requests=0)
            yield Scripted(gateway, upstream)


def hostile() -> Answer:
    return speech("openai-chat", [HOSTILE[:20], HOSTILE[20:]]).answer()


def choose(page: Page, model: str, dialect: str, side: int = 0) -> None:
    page.locator(f"#model-{side}").fill(model)
    page.locator(f"#dialect-{side}").select_option(dialect)


def send(page: Page, text: str = "Hello there") -> Locator:
    """The last step of what is answered to it, once that is there: it is not at once."""
    before = page.locator(".pg-exchange").count()
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Control+Enter")
    return page.locator(".pg-exchange").nth(before).locator(".pg-step").last


def sides(page: Page) -> tuple[Locator, Locator]:
    """Both answers to the only prompt, as soon as they are there."""
    answers = page.locator(".pg-answer")
    expect(answers).to_have_count(2)
    return answers.nth(0), answers.nth(1)


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
