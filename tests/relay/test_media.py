"""Links in requests: which of them are followed for which upstream, and what is put in their place."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.codecs.translation.gemini_roads import GEMINI, LEVEL, gemini
from tests.codecs.translation.responses import RESPONSES, responses
from tests.codecs.translation.roads import CHAT, FACTS, MESSAGES, chat, messages
from tests.contract.genai_sdk import genai_faults
from tests.contract.typed_params import chat_faults, messages_faults
from tests.wire.servers import Peer, Server, serving
from torouter.canon.blocks import LinkedMedia, MediaBlock
from torouter.canon.reasoning import ModelFacts
from torouter.codecs.codec import Translation
from torouter.errors import RequestError
from torouter.relay.media import with_data
from torouter.wire.fetch import Fetcher

Json = dict[str, Any]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
PDF = b"%PDF-1.4\n"
HEIC = b"\0\0\0\x18ftypheic" + bytes(8)
FILES: dict[str, tuple[str, bytes]] = {
    "/cat": ("image/png", PNG),
    "/lies.png": ("image/png", b"<html>no image</html>"),
    "/doc": ("application/octet-stream", PDF),
    "/note.txt": ("text/plain; charset=utf-8", "\ufeffgrüß".encode()),
    "/latin.txt": ("text/plain", "grüß".encode("latin-1")),
    "/zip": ("application/zip", b"PK\x03\x04"),
    "/heic": ("image/heic", HEIC),
}


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(size_bytes=10_000, timeout_s=5, may_reach=None)
    yield fetcher
    await fetcher.close()


@pytest.fixture
def files() -> Any:
    def script(peer: Peer) -> None:
        path = peer.request().line.split(b" ")[1].decode()
        kind, body = FILES.get(path, ("text/plain", b""))
        status = "200 OK" if path in FILES else "404 Not Found"
        peer.send(f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)

    with serving(script) as server:
        yield server


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def link(server: Server, path: str) -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def image(url: str) -> Json:
    part = {"type": "image_url", "image_url": {"url": url}}
    return {"role": "user", "content": [{"type": "text", "text": "see"}, part]}


async def sent(
    client: Translation, upstream: Translation, body: Json, fetcher: Fetcher, facts: ModelFacts = FACTS
) -> tuple[Json, dict[str, str]]:
    asked = await with_data(client.decode_request(json.dumps(body).encode()), upstream.needs_data, fetcher, 1)
    encoded = upstream.encode_request(asked, "up", facts)
    return json.loads(encoded.body), {loss.field: loss.what for loss in encoded.losses}


@pytest.mark.parametrize(
    ("upstream", "kind", "url", "is_followed"),
    [
        (MESSAGES, "image", "https://x/y", False),
        (MESSAGES, "image", "http://x/y", True),
        (MESSAGES, "document", "https://x/y", False),
        (GEMINI, "image", "https://x/y", True),
        (GEMINI, "document", "http://x/y", True),
        (CHAT, "image", "http://x/y", False),
        (CHAT, "document", "https://x/y", True),
        (RESPONSES, "image", "http://x/y", False),
        (RESPONSES, "document", "https://x/y", False),
    ],
)
def test_who_follows_what(upstream: Translation, kind: Any, url: str, is_followed: bool) -> None:
    assert upstream.needs_data(MediaBlock(kind=kind, source=LinkedMedia(url=url))) == is_followed


async def test_an_image_for_gemini(files: Server, fetcher: Fetcher) -> None:
    body, losses = await sent(CHAT, GEMINI, chat(image(link(files, "/cat"))), fetcher, LEVEL)
    assert body["contents"][0]["parts"][1] == {"inlineData": {"mimeType": "image/png", "data": b64(PNG)}}
    assert genai_faults(body) == []
    assert losses == {}


async def test_a_plain_http_image_for_claude(files: Server, fetcher: Fetcher) -> None:
    body, losses = await sent(CHAT, MESSAGES, chat(image(link(files, "/cat")), max_tokens=5), fetcher)
    source = {"type": "base64", "media_type": "image/png", "data": b64(PNG)}
    assert body["messages"][0]["content"][1] == {"type": "image", "source": source}
    assert messages_faults(body) == []
    assert losses == {}


async def test_a_document_for_a_chat_upstream(files: Server, fetcher: Fetcher) -> None:
    part = {"type": "input_file", "file_url": link(files, "/doc"), "filename": "a.pdf"}
    asked = responses({"type": "message", "role": "user", "content": [part]})
    body, losses = await sent(RESPONSES, CHAT, asked, fetcher)
    file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{b64(PDF)}"}
    assert body["messages"][0]["content"] == [{"type": "file", "file": file}]
    assert chat_faults(body) == []
    assert losses == {}


async def test_a_text_is_text(files: Server, fetcher: Fetcher) -> None:
    block = {"type": "document", "source": {"type": "url", "url": link(files, "/note.txt")}}
    asked = messages({"role": "user", "content": [block]})
    body, _ = await sent(MESSAGES, CHAT, asked, fetcher)
    assert body["messages"] == [{"role": "user", "content": "grüß"}]


async def test_what_gemini_did_not_call_an_image_is_one(files: Server, fetcher: Fetcher) -> None:
    asked = gemini({"role": "user", "parts": [{"fileData": {"fileUri": link(files, "/cat")}}]})
    body, _ = await sent(GEMINI, CHAT, asked, fetcher)
    assert body["messages"][0]["content"][0]["image_url"]["url"] == f"data:image/png;base64,{b64(PNG)}"


async def test_results_of_tools_hold_links_too(files: Server, fetcher: Fetcher) -> None:
    url = link(files, "/cat")
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    result = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [{"type": "text", "text": "here"}, {"type": "image", "source": {"type": "url", "url": url}}],
    }
    asked = messages("hi", {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]})
    body, _ = await sent(MESSAGES, GEMINI, asked, fetcher, LEVEL)
    [part] = body["contents"][2]["parts"]
    assert part["functionResponse"]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": b64(PNG)}}]


async def test_a_link_that_stands_twice_is_followed_once(files: Server, fetcher: Fetcher) -> None:
    twice = chat(image(link(files, "/cat")), image(link(files, "/cat")))
    body, _ = await sent(CHAT, GEMINI, twice, fetcher, LEVEL)
    assert json.dumps(body).count(b64(PNG)) == 2
    assert files.accepted == 1


async def test_heic_for_gemini(files: Server, fetcher: Fetcher) -> None:
    body, _ = await sent(CHAT, GEMINI, chat(image(link(files, "/heic"))), fetcher, LEVEL)
    assert body["contents"][0]["parts"][1]["inlineData"]["mimeType"] == "image/heic"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/lies.png", "no image, PDF document or text"),
        ("/zip", "no image, PDF document or text"),
        ("/latin.txt", "no image, PDF document or text"),
        ("/note.txt", "it leads to no image"),
        ("/doc", "it leads to no image"),
        ("/gone", "status 404"),
    ],
)
async def test_what_is_behind_it_has_to_be_an_image(files: Server, fetcher: Fetcher, path: str, why: str) -> None:
    with pytest.raises(RequestError) as caught:
        await sent(CHAT, GEMINI, chat("hi", image(link(files, path))), fetcher, LEVEL)
    error = caught.value
    assert (error.status, error.param) == (400, "messages.1.content.1.image_url")
    assert why in error.message
    assert "What to do: " in error.message


async def test_links_are_counted(fetcher: Fetcher) -> None:
    with pytest.raises(RequestError) as caught:
        await sent(CHAT, GEMINI, chat(*(image(f"http://127.0.0.1:1/{n}") for n in range(33))), fetcher, LEVEL)
    assert caught.value.param == "messages.32.content.1.image_url"
    assert "at most 32" in caught.value.message


@pytest.mark.parametrize("url", ["gs://bucket/x.png", "file:///etc/passwd", "ftp://x/y.png"])
async def test_other_schemes_lead_nowhere(fetcher: Fetcher, url: str) -> None:
    with pytest.raises(RequestError) as caught:
        await sent(CHAT, GEMINI, chat(image(url)), fetcher, LEVEL)
    assert caught.value.param == "messages.0.content.1.image_url"


async def test_a_request_without_links_waits_for_nothing(fetcher: Fetcher) -> None:
    asked = CHAT.decode_request(json.dumps(chat("hi", image("data:image/png;base64," + b64(PNG)))).encode())
    waiting: Callable[[], Any] = with_data(asked, GEMINI.needs_data, fetcher, 1).__await__
    with pytest.raises(StopIteration) as ended:
        next(waiting())
    assert ended.value.value is asked
    await asyncio.sleep(0)
