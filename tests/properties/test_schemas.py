"""Schemas that are none, in requests for everybody: a 400 or a request, never a fault of ours."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torouter.canon.reasoning import ModelFacts
from torouter.codecs import CODECS
from torouter.errors import RequestError
from torouter.units import Dialect

KEYWORDS = [
    *("type", "properties", "required", "items", "prefixItems", "anyOf", "allOf", "oneOf", "enum", "const", "$ref"),
    *("minItems", "maxItems", "minimum", "exclusiveMinimum", "format", "$defs", "definitions", "nullable", "title"),
    *("description", "additionalProperties", "a"),
]
LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["object", "array", "null", "#", "#/$defs/a"])
NONSENSE = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner | LEAVES, max_size=5),
    max_leaves=12,
)
TARGETS: list[tuple[Dialect, ModelFacts]] = [
    ("openai-responses", ModelFacts()),
    ("anthropic", ModelFacts()),
    ("gemini", ModelFacts()),
    ("gemini", ModelFacts(takes_json_schema=False)),
]


@pytest.mark.parametrize(("dialect", "facts"), TARGETS, ids=["responses", "anthropic", "gemini", "older gemini"])
@given(schema=NONSENSE)
def test_nonsense_towards(dialect: Dialect, facts: ModelFacts, schema: object) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": schema, "strict": True}}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    for fields in ({"tools": [tool]}, {"response_format": wanted}):
        _send("openai-chat", dialect, {"messages": [{"role": "user", "content": "hi"}], **fields}, facts)


@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic"])
@given(schema=NONSENSE)
def test_nonsense_from_gemini(dialect: Dialect, schema: object) -> None:
    tools = [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    for fields in ({"tools": tools}, {"generationConfig": config}):
        _send("gemini", dialect, {"contents": [{"parts": [{"text": "hi"}]}], **fields}, ModelFacts())


def _send(client: Dialect, upstream: Dialect, body: object, facts: ModelFacts) -> None:
    there, here = CODECS[client].translation, CODECS[upstream].translation
    assert there is not None
    assert here is not None
    with suppress(RequestError):
        assert json.loads(here.encode_request(there.decode_request(json.dumps(body).encode()), "up", facts).body)
