"""Media that an upstream is known to refuse are a 400 of ours, which names them: no request is sent for nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from torouter.canon.reasoning import ModelFacts
from torouter.channels import KINDS, facts_of
from torouter.codecs import CODECS
from torouter.errors import RequestError

Json = dict[str, Any]

CHAT, RESPONSES, CLAUDE, GEMINI = "openai-chat", "openai-responses", "anthropic", "gemini"
HEIC = base64.b64encode(b"\0\0\0\x18ftypheic" + bytes(8)).decode()
GIF = base64.b64encode(b"GIF89a" + bytes(10)).decode()
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(10)).decode()
PDF = base64.b64encode(b"%PDF-1.7" + bytes(100)).decode()
PLACES = {
    CHAT: "messages.0.content.0",
    RESPONSES: "input.0.content.0",
    CLAUDE: "messages.0.content.0",
    GEMINI: "contents.0.parts.0",
}


def image(client: str, media_type: str, data: str) -> Json:
    url = f"data:{media_type};base64,{data}"
    if client == GEMINI:
        return {"contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": media_type, "data": data}}]}]}
    if client == RESPONSES:
        return {"model": "m", "input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]}
    source = {"type": "base64", "media_type": media_type, "data": data}
    part = {"type": "image", "source": source} if client == CLAUDE else {"type": "image_url", "image_url": {"url": url}}
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [part]}]}


def sent(client: Any, upstream: Any, body: Json, facts: ModelFacts | None = None) -> str:
    there, here = CODECS[client].translation, CODECS[upstream].translation
    assert there is not None
    assert here is not None
    known = facts or ModelFacts(max_output_tokens=9)
    return here.encode_request(there.decode_request(json.dumps(body).encode()), "up", known).body.decode()


def refused(client: Any, upstream: Any, body: Json, facts: ModelFacts | None = None) -> RequestError:
    with pytest.raises(RequestError) as caught:
        sent(client, upstream, body, facts)
    assert f"`{caught.value.param}`" in caught.value.message
    assert "What to do: " in caught.value.message
    return caught.value


CELLS = [(client, upstream) for client in PLACES for upstream in PLACES if client != upstream]


@pytest.mark.parametrize(("client", "upstream"), CELLS)
@pytest.mark.parametrize(("media_type", "data"), [("image/heic", HEIC), ("image/jpeg", HEIC), ("image/gif", GIF)])
def test_images_that_are_not_taken(client: str, upstream: str, media_type: str, data: str) -> None:
    """What they are shows in their bytes, whatever they are called."""
    takes = upstream == GEMINI if data == HEIC else upstream != GEMINI
    body = image(client, media_type, data)
    if takes:
        assert data in sent(client, upstream, body)
        return
    error = refused(client, upstream, body)
    assert error.param == PLACES[client]
    assert ("image/heic" if data == HEIC else "image/gif") in error.message


@pytest.mark.parametrize(("client", "upstream"), CELLS)
def test_all_media_of_a_request_together(client: str, upstream: str) -> None:
    body = image(client, "image/png", PNG)
    exact = ModelFacts(max_output_tokens=9, media_limit_bytes=len(PNG))
    less = ModelFacts(max_output_tokens=9, media_limit_bytes=len(PNG) - 1)
    assert PNG in sent(client, upstream, body, exact)
    error = refused(client, upstream, body, less)
    assert error.param is not None
    assert error.param.startswith(PLACES[client])


def test_the_largest_is_named_also_in_a_result() -> None:
    images = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}] * 2
    document = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": [*images, document]}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
        {"role": "user", "content": [result]},
    ]
    body = {"model": "m", "max_tokens": 9, "messages": messages, "tools": [{"name": "f", "input_schema": {}}]}
    error = refused(CLAUDE, RESPONSES, body, ModelFacts(media_limit_bytes=len(PDF)))
    assert error.param == "messages.2.content.0.content.2.source"


def test_the_message_says_the_limit() -> None:
    facts = facts_of(KINDS["anthropic"], "claude-opus-4-7")
    assert facts.media_limit_bytes is not None
    error = refused(CHAT, CLAUDE, image(CHAT, "image/png", PNG + "A" * facts.media_limit_bytes), facts)
    assert "at most 32 MiB" in error.message


def test_limits_are_of_vendors_only() -> None:
    limits = {name: facts_of(kind, "m").media_limit_bytes for name, kind in KINDS.items()}
    assert {name for name, limit in limits.items() if limit is not None} == {"openai", "anthropic", "gemini"}
