"""JSON Schemas in OpenAPI's form, for servers of Gemini's API that know no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.gemini_roads import GEMINI, LEVEL, across
from tests.codecs.translation.roads import CHAT, chat
from tests.contract.genai_sdk import genai_faults
from torouter.canon.reasoning import ModelFacts
from torouter.channels import KINDS, facts_of
from torouter.codecs.gemini.openapi import to_openapi
from torouter.errors import RequestError

Json = dict[str, Any]
ENUM = {"type": "STRING", "enum": ["a"]}
OLDER = facts_of(KINDS["gemini-compatible"], "gemini-3-flash-preview")


def lowered(schema: Any) -> tuple[Any, int]:
    """The schema, and the number of changes that matter."""
    raw, changes = to_openapi(json.dumps(schema).encode())
    return json.loads(raw), len(changes)


@pytest.mark.parametrize(
    ("schema", "expected", "changes"),
    [
        ({"type": "string", "description": "d"}, {"type": "STRING", "description": "d"}, 0),
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}, 0),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}, 0),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "STRING", "nullable": True}, 0),
        (
            {"anyOf": [{"type": "string", "description": "a"}, {"type": "null"}], "description": "b"},
            {"type": "STRING", "nullable": True, "description": "b"},
            0,
        ),
        ({"oneOf": [{"type": "string"}, {"type": "number"}]}, {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]}, 0),
        ({"enum": ["a", None]}, {"type": "STRING", "enum": ["a"], "nullable": True}, 0),
        ({"type": "integer", "enum": [1, 2]}, {"type": "INTEGER", "description": "One of: 1, 2"}, 1),
        ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}, 0),
        ({"type": "string", "format": "uri"}, {"type": "STRING"}, 1),
        ({"type": "integer", "minimum": 1, "maximum": 2}, {"type": "INTEGER", "minimum": 1, "maximum": 2}, 0),
        ({"type": "array", "items": {"type": "string"}}, {"type": "ARRAY", "items": {"type": "STRING"}}, 0),
        ({"type": "array"}, {"type": "ARRAY", "items": {"type": "STRING"}}, 1),
        ({"type": "array", "prefixItems": [{}], "items": {"enum": ["a"]}}, {"type": "ARRAY", "items": ENUM}, 1),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"], "title": "T"},
            {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "required": ["a"], "title": "T"},
            0,
        ),
        ({"properties": {"a": {}}}, {"type": "OBJECT", "properties": {"a": {}}}, 0),
        ({"type": "object", "additionalProperties": True}, {"type": "OBJECT"}, 0),
        (True, {}, 0),
    ],
)  # fmt: skip
def test_keyword_by_keyword(schema: Any, expected: Any, changes: int) -> None:
    assert lowered(schema) == (expected, changes)


def test_references_are_put_in_place() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A", "description": "mine"}, "b": {"$ref": "#/$defs/a~1b"}},
        "$defs": {"A": {"type": "string", "description": "its"}, "a/b": {"type": "number"}},
    }
    assert lowered(schema) == (
        {
            "type": "OBJECT",
            "properties": {"a": {"type": "STRING", "description": "mine"}, "b": {"type": "NUMBER"}},
        },
        0,
    )


def test_a_reference_to_itself_ends_in_any_object() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    found, changes = lowered({"$ref": "#/$defs/node", "$defs": {"node": node}})
    assert found == {"type": "OBJECT", "properties": {"next": {"type": "OBJECT"}}}
    assert changes == 1
    assert lowered({"$ref": "https://example.com/s"}) == ({"type": "OBJECT"}, 1)


def test_references_that_double_are_refused() -> None:
    defs = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)}
    with pytest.raises(RequestError, match="10000 parts"):
        lowered({"$ref": "#/$defs/d0", "$defs": {**defs, "d30": {"type": "string"}}})


def test_properties_that_are_called_like_keywords_are_none() -> None:
    names = ("title", "type", "properties", "format", "enum", "$ref", "anyOf", "required", "items", "nullable")
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": list(names)}
    found, changes = lowered(schema)
    assert (list(found["properties"]), found["required"], changes) == (list(names), list(names), 0)


def tool(parameters: Json) -> Json:
    return {"type": "function", "function": {"name": "f", "parameters": parameters}}


def test_tools_for_a_server_that_knows_no_other_form() -> None:
    parameters = {
        "type": "object",
        "properties": {
            "a": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]},
            "b": {"type": "string", "pattern": "x"},
        },
        "required": ["a"],
        "$defs": {"A": {"type": "object", "properties": {"n": {"const": "x"}}}},
    }  # fmt: skip
    body, losses = across(CHAT, GEMINI, chat("hi", tools=[tool(parameters)]), OLDER)
    assert genai_faults(body) == []
    [declared] = body["tools"][0]["functionDeclarations"]
    inner = {"type": "OBJECT", "properties": {"n": {"type": "STRING", "enum": ["x"]}}, "nullable": True}
    assert declared["parameters"] == {
        "type": "OBJECT",
        "properties": {"a": inner, "b": {"type": "STRING"}},
        "required": ["a"],
    }
    assert "parametersJsonSchema" not in declared
    assert losses == {"tools.0.function.parameters": "approximated"}


def test_no_parameters_are_said_by_saying_nothing() -> None:
    body, _ = across(CHAT, GEMINI, chat("hi", tools=[tool({"type": "object", "properties": {}})]), OLDER)
    assert body["tools"][0]["functionDeclarations"] == [{"name": "f"}]


def test_output_likewise() -> None:
    schema = {"type": "object", "properties": {"a": {"type": ["integer", "null"]}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    body, losses = across(CHAT, GEMINI, chat("hi", response_format=wanted), OLDER)
    assert genai_faults(body) == []
    assert body["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "INTEGER", "nullable": True}}},
    }
    assert losses == {}


@pytest.mark.parametrize("facts", [LEVEL, facts_of(KINDS["gemini"], "gemini-3-flash-preview")])
def test_google_itself_knows_json_schema(facts: ModelFacts) -> None:
    body, _ = across(CHAT, GEMINI, chat("hi", tools=[tool({"type": "object", "properties": {"a": {}}})]), facts)
    assert "parametersJsonSchema" in body["tools"][0]["functionDeclarations"][0]
