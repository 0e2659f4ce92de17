"""The two roads between Chat and Messages, in the words of the tests: Python values in, Python values out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from torouter.canon.events import Event
from torouter.canon.fold import Answer, fold
from torouter.canon.reasoning import ModelFacts
from torouter.codecs.anthropic.translation import TRANSLATION as MESSAGES
from torouter.codecs.codec import AnswerOptions, Framing, Translation
from torouter.codecs.openai_chat.translation import TRANSLATION as CHAT
from torouter.errors import RequestError
from torouter.units import Dialect

__all__ = [
    "CHAT",
    "FACTS",
    "MESSAGES",
    "TRANSLATIONS",
    "across",
    "answer_of",
    "chat",
    "chat_chunk",
    "chat_sse",
    "encoded_stream",
    "events_of",
    "messages",
    "messages_sse",
    "options",
    "payloads",
    "refusal",
    "to_chat",
    "to_messages",
]

TRANSLATIONS: dict[Dialect, Translation] = {"openai-chat": CHAT, "anthropic": MESSAGES}
FACTS = ModelFacts(reasoning="none", max_output_tokens=32000)

Json = dict[str, Any]


def chat(*said: Json | str, **fields: Any) -> Json:
    """A Chat request: strings are user messages."""
    turns = [{"role": "user", "content": each} if isinstance(each, str) else each for each in said or ("hi",)]
    return {"model": "m", "messages": turns, **fields}


def messages(*said: Json | str, **fields: Any) -> Json:
    """A Messages request: strings are user messages."""
    return {"max_tokens": 100, **chat(*said, **fields)}


def to_messages(body: Json, facts: ModelFacts = FACTS) -> tuple[Json, dict[str, str]]:
    """(the Messages request, its losses as field → what)"""
    return across(CHAT, MESSAGES, body, facts)


def to_chat(body: Json, facts: ModelFacts = FACTS) -> tuple[Json, dict[str, str]]:
    return across(MESSAGES, CHAT, body, facts)


def refusal(client: Translation, upstream: Translation, body: Json, facts: ModelFacts = FACTS) -> RequestError:
    """The 400 that this request must get: it names a field, the upstream's family and what to do."""
    with pytest.raises(RequestError) as caught:
        across(client, upstream, body, facts)
    error = caught.value
    assert error.status == 400
    assert error.param
    assert error.param in error.message
    assert ("Anthropic Messages" if upstream is MESSAGES else "OpenAI Chat Completions") in error.message
    assert "What to do: " in error.message
    return error


def across(
    client: Translation, upstream: Translation, body: Json, facts: ModelFacts = FACTS
) -> tuple[Json, dict[str, str]]:
    encoded = upstream.encode_request(client.decode_request(json.dumps(body).encode()), "up", facts)
    return json.loads(encoded.body), {loss.field: loss.what for loss in encoded.losses}


def options(**fields: Any) -> AnswerOptions:
    said: Json = {"framing": "sse", "model": "m", "seed": "s1", "created_s": 1700000000, "ask_usage": True, **fields}
    return AnswerOptions(**said)


def chat_chunk(delta: Json | None = None, finish: str | None = None, **fields: Any) -> Json:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [choice], **fields}


def chat_sse(*chunks: Json, done: bool = True) -> bytes:
    frames = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*frames, "data: [DONE]\n\n" if done else ""]).encode()


def messages_sse(*events: Json) -> bytes:
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


def events_of(upstream: Translation, body: bytes, framing: Framing = "sse", cuts: Iterable[int] = ()) -> list[Event]:
    """The events of an answer whose bytes come in the pieces that the cuts make."""
    decoder = upstream.decoder(framing)
    found: list[Event] = []
    start = 0
    for cut in [*cuts, len(body)]:
        found += decoder.feed(body[start:cut])
        start = cut
    found += decoder.close()
    return found


def answer_of(upstream: Translation, body: bytes, framing: Framing = "sse") -> Answer:
    return fold(events_of(upstream, body, framing), "openai-chat" if upstream is CHAT else "anthropic")


def encoded_stream(client: Translation, events: Iterable[Event], said: AnswerOptions | None = None) -> bytes:
    encoder = client.encoder(said or options())
    return b"".join(encoder.feed(event) for event in events)


def payloads(stream: bytes) -> list[Json]:
    """The JSON of each event of a stream, without `[DONE]`."""
    data = [line[6:] for line in stream.decode().split("\n") if line.startswith("data: ")]
    return [json.loads(each) for each in data if each != "[DONE]"]
