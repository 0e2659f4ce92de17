"""A Chat client's link to an image, for a Gemini upstream that is sent the image itself, through a real gateway."""

from __future__ import annotations

import base64
import json
from typing import Any

import anthropic
import openai
import pytest

from tests.live.conftest import Launch
from tests.live.gateway import Gateway
from tests.live.slots import channels_to
from tests.live.upstream import Answer, Upstream, recorded_answer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
MODELS = {"gemini": {"linked": "up.linked"}}


def ask(gateway: Gateway, url: str) -> list[Any]:
    content = [{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
        asked: Any = [{"role": "user", "content": content}]
        return list(client.chat.completions.create(model="linked", messages=asked, stream=True))


def test_the_image_is_sent_in_the_links_place(launch: Launch, upstream: Upstream) -> None:
    upstream.script("up.linked", recorded_answer("gemini/stream/001"))
    upstream.script("cat.png", Answer(headers=(("content-type", "image/png"),), pieces=(PNG,)))
    gateway = launch(channels=channels_to(upstream, MODELS), fetch={"private_networks": True})
    assert ask(gateway, f"{upstream.origin}/files/cat.png")
    asked = json.loads(upstream.visit("up.linked").body)
    data = base64.b64encode(PNG).decode()
    assert asked["contents"][0]["parts"][1] == {"inlineData": {"mimeType": "image/png", "data": data}}
    visit = upstream.visit("cat.png")
    assert (visit.method, visit.target) == ("GET", "/files/cat.png")
    assert visit.names() == {"host", "accept", "accept-encoding", "user-agent", "connection"}


def test_a_kind_that_follows_no_links_is_sent_data(launch: Launch, upstream: Upstream) -> None:
    upstream.script("up.local", recorded_answer("openai-chat/stream/010"))
    upstream.script("dog.png", Answer(headers=(("content-type", "image/png"),), pieces=(PNG,)))
    local = {"kind": "ollama", "base_url": f"{upstream.origin}/v1", "dialects": ["openai-chat"]}
    gateway = launch(channels=[{**local, "models": {"local": "up.local"}}], fetch={"private_networks": True})
    image: Any = {"type": "image", "source": {"type": "url", "url": f"{upstream.origin}/dog.png"}}
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0) as claude:
        messages: Any = [{"role": "user", "content": [image]}]
        assert list(claude.messages.create(model="local", max_tokens=9, messages=messages, stream=True))
    [part] = json.loads(upstream.visit("up.local").body)["messages"][0]["content"]
    assert part["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def test_the_operators_network_is_not_reached(launch: Launch, upstream: Upstream) -> None:
    upstream.script("secret.png", Answer(pieces=(PNG,)))
    gateway = launch(channels=channels_to(upstream, MODELS))
    before = upstream.accepted
    with pytest.raises(openai.BadRequestError) as caught:
        ask(gateway, f"http://localhost:{upstream.port}/secret.png")
    assert caught.value.param == "messages.0.content.1.image_url"
    assert "not allowed" in caught.value.message
    assert upstream.accepted == before


def test_it_can_be_switched_off(launch: Launch, upstream: Upstream) -> None:
    """The link itself is sent then, which newer models of Google's own API follow."""
    upstream.script("up.linked", recorded_answer("gemini/stream/001"))
    gateway = launch(channels=channels_to(upstream, MODELS), fetch={"enabled": False})
    assert ask(gateway, "https://example.com/cat.png")
    asked = json.loads(upstream.visits("up.linked")[-1].body)
    expected = {"fileUri": "https://example.com/cat.png", "mimeType": "image/png"}
    assert asked["contents"][0]["parts"][1] == {"fileData": expected}
