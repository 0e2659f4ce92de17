"""The demo's other operations in OpenAI's dialect: embeddings, images, audio, rerank."""

from __future__ import annotations

import base64
import io
import json
import math
import struct
import wave
import zlib
from typing import Any

import openai
import pytest

from tests.channels.demo.sdk import CREATED_S, ask, openai_client
from torouter.channels.demo.conversation import NOTICE


@pytest.mark.parametrize(
    ("given", "count"),
    [("one", 1), (["one", "two"], 2), ([1, 2, 3], 1), ([[1, 2], [3]], 2)],
)
def test_embeddings(given: Any, count: int) -> None:
    client = openai_client()
    answer = client.embeddings.create(model="text-embedding-3-small", input=given)
    assert [item.index for item in answer.data] == list(range(count))
    for item in answer.data:
        assert len(item.embedding) == 1536
        assert math.isclose(sum(value * value for value in item.embedding), 1.0, rel_tol=1e-4)
    floats = client.embeddings.create(model="m", input=given, encoding_format="float", dimensions=1536)
    assert floats.data[0].embedding == pytest.approx(answer.data[0].embedding, abs=1e-6)
    assert answer.usage.total_tokens > 0


def test_embeddings_tell_texts_apart_and_obey_dimensions() -> None:
    answer = openai_client().embeddings.create(model="m", input=["a", "b", "a"], dimensions=3)
    first, second, third = (item.embedding for item in answer.data)
    assert len(first) == 3
    assert first == third != second


@pytest.mark.pitfall(186)
def test_embeddings_come_as_floats_unless_base64_is_asked_for() -> None:
    plain = json.loads(ask("openai-chat", "embeddings", b'{"model":"m","input":"a","dimensions":2}').pieces[0])
    assert isinstance(plain["data"][0]["embedding"], list)
    body = b'{"model":"m","input":"a","dimensions":2,"encoding_format":"base64"}'
    packed = json.loads(ask("openai-chat", "embeddings", body).pieces[0])["data"][0]["embedding"]
    assert list(struct.unpack("<2f", base64.b64decode(packed))) == pytest.approx(plain["data"][0]["embedding"])


def test_images() -> None:
    client = openai_client()
    answer = client.images.generate(model="gpt-image-1", prompt="a red square", n=2)
    assert answer.created == CREATED_S
    assert answer.data
    assert len(answer.data) == 2
    _check_png(base64.b64decode(answer.data[0].b64_json or ""))
    linked = client.images.generate(model="m", prompt="a red square", response_format="url").data or []
    assert (linked[0].url or "").startswith("data:image/png;base64,")
    other = client.images.generate(model="m", prompt="another").data or []
    assert other[0].b64_json != answer.data[0].b64_json


def _check_png(data: bytes) -> None:
    """Signature, checksums and the size of the pixels."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + content),)
        chunks[kind] = content
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    assert len(zlib.decompress(chunks[b"IDAT"])) == 32 * (1 + 3 * 32)


def test_streamed_images() -> None:
    with openai_client().images.generate(model="m", prompt="x", stream=True) as stream:
        [event] = list(stream)
    assert event.type == "image_generation.completed"
    _check_png(base64.b64decode(event.b64_json))


def test_image_edits() -> None:
    client = openai_client()
    picture = ("in.png", b"\x89PNG\r\n--not the boundary--\r\n\r\n", "image/png")
    for images in (picture, [picture, picture]):
        answer = client.images.edit(model="gpt-image-1", image=images, prompt="make it blue", n=1)
        _check_png(base64.b64decode((answer.data or [])[0].b64_json or ""))
    drawn = client.images.generate(model="m", prompt="make it blue").data or []
    assert (answer.data or [])[0].b64_json == drawn[0].b64_json
    as_json = ask("openai-chat", "image_edits", b'{"model":"m","prompt":"make it blue"}')
    assert json.loads(as_json.pieces[0])["data"][0]["b64_json"] == drawn[0].b64_json


def test_speech() -> None:
    client = openai_client()
    spoken = client.audio.speech.create(model="tts-1", input="Hello", voice="alloy")
    assert spoken.response.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(spoken.read())) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000)
        assert sound.getnframes() == 2000
    raw = client.audio.speech.create(model="tts-1", input="Hello", voice="alloy", response_format="pcm")
    assert len(raw.read()) == 4000
    body = b'{"model":"m","input":"x","voice":"alloy","stream_format":"sse"}'
    pieces = ask("openai-chat", "speech", body).pieces
    assert [json.loads(piece.split(b"data: ")[1])["type"] for piece in pieces] == [
        "speech.audio.delta",
        "speech.audio.done",
    ]


def test_transcriptions() -> None:
    client = openai_client()
    sound: Any = ("in.wav", b"RIFF" + bytes(100), "audio/wav")
    said = f"{NOTICE} 104 bytes of audio came in."
    assert client.audio.transcriptions.create(model="whisper-1", file=sound).text == said
    verbose = client.audio.transcriptions.create(model="whisper-1", file=sound, response_format="verbose_json")
    assert verbose.text == said
    plain: Any = client.audio.transcriptions.create(model="whisper-1", file=sound, response_format="text")
    assert plain == f"{said}\n"
    with client.audio.transcriptions.create(model="whisper-1", file=sound, stream=True) as stream:
        events: Any = list(stream)
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == said


def test_rerank() -> None:
    body = {"model": "rerank-demo", "query": "red cat", "documents": ["a dog", "a red cat", {"text": "a red dog"}]}
    answer = json.loads(ask("openai-chat", "rerank", json.dumps(body).encode()).pieces[0])
    assert [(result["index"], result["relevance_score"]) for result in answer["results"]] == [
        (1, 1.0),
        (2, 0.5),
        (0, 0.0),
    ]
    more = body | {"top_n": 1, "return_documents": True}
    answer = json.loads(ask("openai-chat", "rerank", json.dumps(more).encode()).pieces[0])
    assert answer["results"] == [{"index": 1, "relevance_score": 1.0, "document": {"text": "a red cat"}}]
    assert answer["model"] == "rerank-demo"


FORM = b"multipart/form-data; boundary=x"


@pytest.mark.parametrize(
    ("operation", "content_type", "body"),
    [
        ("embeddings", b"application/json", b'{"model":"m"}'),
        ("embeddings", b"application/json", b'{"model":"m","input":[]}'),
        ("embeddings", b"application/json", b'{"model":"m","input":["a",1]}'),
        ("embeddings", b"application/json", b'{"model":"m","input":"a","dimensions":0}'),
        ("images", b"application/json", b'{"model":"m"}'),
        ("images", b"application/json", b'{"model":"m","prompt":"x","n":11}'),
        ("image_edits", b"text/plain", b"x"),
        ("image_edits", FORM, b""),
        ("image_edits", FORM, b'--x\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n1\r\n--x--'),
        ("image_edits", FORM, b"--x\r\n\r\nno name\r\n--x--"),
        ("speech", b"application/json", b'{"model":"m","input":"","voice":"a"}'),
        ("transcriptions", FORM, b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--x--'),
        ("rerank", b"application/json", b'{"model":"m","query":"q","documents":[]}'),
    ],
)
def test_bad_requests(operation: Any, content_type: bytes, body: bytes) -> None:
    reply = ask("openai-chat", operation, body, content_type=content_type)
    assert reply.status == 400
    assert json.loads(reply.pieces[0])["error"]["type"] == "invalid_request_error"


def test_a_transcript_format_that_the_demo_does_not_write() -> None:
    with pytest.raises(openai.BadRequestError, match="srt"):
        openai_client().audio.transcriptions.create(model="m", file=("a", b"x"), response_format="srt")
