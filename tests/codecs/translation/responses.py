"""The roads to and from Responses, in the words of the tests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.roads import CHAT, FACTS, MESSAGES
from torouter.canon.losses import FAMILIES
from torouter.canon.reasoning import ModelFacts
from torouter.codecs.codec import Translation
from torouter.codecs.openai_responses.translation import TRANSLATION as RESPONSES
from torouter.errors import RequestError
from torouter.units import Dialect

__all__ = ["DIALECT_OF", "RESPONSES", "across", "refused", "responses", "responses_sse"]

Json = dict[str, Any]

DIALECT_OF: list[tuple[Translation, Dialect]] = [
    (CHAT, "openai-chat"),
    (MESSAGES, "anthropic"),
    (RESPONSES, "openai-responses"),
]


def responses(*items: Json | str, **fields: Any) -> Json:
    """A Responses request: strings are user messages."""
    said = [{"type": "message", "role": "user", "content": each} if isinstance(each, str) else each for each in items]
    return {"model": "m", "input": said or "hi", **fields}


def across(
    client: Translation, upstream: Translation, body: Json, facts: ModelFacts = FACTS
) -> tuple[Json, dict[str, str]]:
    """(the upstream's request, its losses as field → what)"""
    encoded = upstream.encode_request(client.decode_request(json.dumps(body).encode()), "up", facts)
    return json.loads(encoded.body), {loss.field: loss.what for loss in encoded.losses}


def refused(client: Translation, upstream: Translation, body: Json, facts: ModelFacts = FACTS) -> str:
    """The field that the 400 names, which names the upstream's family and what to do as well."""
    with pytest.raises(RequestError) as caught:
        across(client, upstream, body, facts)
    error = caught.value
    family = next(FAMILIES[dialect] for translation, dialect in DIALECT_OF if translation is upstream)
    assert error.status == 400
    assert error.param
    assert f"`{error.param}`" in error.message
    assert family in error.message
    assert "What to do: " in error.message
    return error.param


def responses_sse(*events: Json) -> bytes:
    """Numbered, and each with its `event:` line."""
    lines = []
    for number, event in enumerate(events):
        data = json.dumps({"sequence_number": number, **event})
        lines.append(f"event: {event['type']}\ndata: {data}\n\n")
    return "".join(lines).encode()
