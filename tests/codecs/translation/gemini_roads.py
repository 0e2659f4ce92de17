"""The roads between Gemini and the others, in the words of the tests: Python values in, Python values out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from tests.codecs.translation.roads import CHAT, MESSAGES
from torouter.canon.fold import Answer, fold
from torouter.canon.reasoning import ModelFacts
from torouter.codecs.codec import Framing, Translation
from torouter.codecs.gemini.translation import TRANSLATION as GEMINI
from torouter.errors import RequestError

__all__ = [
    "BUDGET",
    "GEMINI",
    "LEVEL",
    "OTHERS",
    "across",
    "answered",
    "array",
    "chunk",
    "gemini",
    "part_events",
    "refused",
    "sse",
    "to_gemini",
]

OTHERS = {"openai-chat": CHAT, "anthropic": MESSAGES}
LEVEL = ModelFacts(reasoning="level", may_disable_reasoning=False, max_output_tokens=65_536)
"""A Gemini 3."""
BUDGET = ModelFacts(reasoning="budget", max_output_tokens=65_536, min_budget_tokens=0, max_budget_tokens=24_576)
"""A Gemini 2.5 Flash."""

Json = dict[str, Any]


def gemini(*said: Json | str, **fields: Any) -> Json:
    """A request: strings are user contents of one text."""
    turns = [{"role": "user", "parts": [{"text": each}]} if isinstance(each, str) else each for each in said or ("hi",)]
    return {"contents": turns, **fields}


def across(
    client: Translation, upstream: Translation, body: Json, facts: ModelFacts = LEVEL
) -> tuple[Json, dict[str, str]]:
    """(the upstream's request, its losses as field → what)"""
    encoded = upstream.encode_request(client.decode_request(json.dumps(body).encode()), "up", facts)
    return json.loads(encoded.body), {loss.field: loss.what for loss in encoded.losses}


def to_gemini(body: Json, facts: ModelFacts = LEVEL, client: Translation = CHAT) -> tuple[Json, dict[str, str]]:
    return across(client, GEMINI, body, facts)


def refused(client: Translation, upstream: Translation, body: Json, facts: ModelFacts = LEVEL) -> str:
    """The field that the 400 names, in its message too, with what to do."""
    with pytest.raises(RequestError) as caught:
        across(client, upstream, body, facts)
    error = caught.value
    assert error.status == 400
    assert error.param
    assert f"`{error.param}`" in error.message
    assert "What to do: " in error.message
    return error.param


def chunk(*parts: Json, finish: str | None = None, **fields: Any) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "up", "responseId": "r1", **fields}


def sse(*chunks: Json) -> bytes:
    return "".join(f"data: {json.dumps(each)}\r\n\r\n" for each in chunks).encode()


def array(*chunks: Json) -> bytes:
    return json.dumps(list(chunks), indent=2).encode()


def part_events(*chunks: Json, framing: Framing = "sse") -> list[Any]:
    decoder = GEMINI.decoder(framing)
    body = {"sse": sse, "array": array}[framing](*chunks) if framing != "whole" else json.dumps(chunks[0]).encode()
    return [*decoder.feed(body), *decoder.close()]


def answered(*chunks: Json, framing: Framing = "sse") -> Answer:
    events: Iterable[Any] = part_events(*chunks, framing=framing)
    return fold(events, "gemini")
