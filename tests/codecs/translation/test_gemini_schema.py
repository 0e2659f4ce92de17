"""Schemas within Gemini's subset of JSON Schema, walked by position."""

from __future__ import annotations

import json
from typing import Any

import pytest

from torouter.codecs.gemini.schema import from_openapi, to_subset
from torouter.errors import RequestError


def subset(schema: Any, *, keeps_titles: bool = False) -> tuple[Any, tuple[str, ...]]:
    raw, changes = to_subset(json.dumps(schema).encode(), keeps_titles=keeps_titles)
    return json.loads(raw), changes


def test_what_is_within_stays_byte_for_byte() -> None:
    raw = b'{ "type":"object", "properties":{"n":{"type":"integer","minimum":1.50}} }'
    assert to_subset(raw, keeps_titles=False) == (raw, ())
    assert from_openapi(raw) == raw


@pytest.mark.pitfall(77)
def test_properties_that_are_called_like_keywords_are_none() -> None:
    """Three peers deleted real arguments this way."""
    names = ("title", "type", "properties", "pattern", "default", "$ref", "format", "const", "allOf", "nullable", "x-y")
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": list(names)}
    assert subset(schema) == (schema, ())
    assert json.loads(from_openapi(json.dumps(schema).encode())) == schema


@pytest.mark.parametrize(
    ("schema", "within"),
    [
        ({"$schema": "s", "title": "T", "default": 1, "examples": [1], "x-a": 1, "type": "string"}, {"type": "string"}),
        ({"const": "a"}, {"enum": ["a"]}),
        (
            {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 9},
            {"type": "integer", "minimum": 1, "maximum": 8},
        ),
        ({"definitions": {"A": {"title": "t"}}, "$ref": "#/definitions/A"}, {"$defs": {"A": {}}, "$ref": "#/$defs/A"}),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"allOf": [{"$ref": "#/$defs/A"}], "description": "d"}, {"$ref": "#/$defs/A", "description": "d"}),
        (
            {"allOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}, "required": ["b"]}]},
            {"properties": {"a": {}, "b": {}}, "required": ["a", "b"]},
        ),
        ({"anyOf": [{"title": "t", "type": ["string", "null"]}]}, {"anyOf": [{"type": ["string", "null"]}]}),
        ({"additionalProperties": {"title": "t"}, "items": {"title": "t"}}, {"additionalProperties": {}, "items": {}}),
        ({"properties": {"a": True}}, {"properties": {"a": True}}),
    ],
)
@pytest.mark.pitfall(79, 80, 81, 82)
def test_what_can_be_said_otherwise_is_no_loss(schema: Any, within: Any) -> None:
    assert subset(schema) == (within, ())


@pytest.mark.parametrize("name", ["pattern", "minLength", "multipleOf", "not", "propertyNames", "uniqueItems", "if"])
def test_constraints_that_are_lost_are_told(name: str) -> None:
    found, changes = subset({"type": "object", "properties": {"a": {name: 1}}})
    assert found == {"type": "object", "properties": {"a": {}}}
    assert changes == (f"`{name}` was dropped",)


def test_titles_of_output_stay() -> None:
    assert subset({"title": "T"}, keeps_titles=True) == ({"title": "T"}, ())


@pytest.mark.parametrize(
    "schema", [{"exclusiveMinimum": 1.5, "type": "number"}, {"allOf": [{"$ref": "a"}, {"$ref": "b"}]}]
)
def test_what_has_no_like_is_told(schema: Any) -> None:
    found, changes = subset(schema)
    assert changes
    assert found in ({"type": "number"}, {})


@pytest.mark.parametrize("depth", [100, 200, 300, 400, 480])
def test_schemas_of_endless_depth_are_read_or_refused(depth: int) -> None:
    raw = b'{"type":"OBJECT","properties":{"a":' * depth + b"{}" + b"}}" * depth
    said = b""
    refused: RequestError | None = None
    try:
        said = from_openapi(raw)
    except RequestError as error:
        refused = error
    assert said.count(b"object") == depth if refused is None else refused.status == 400


@pytest.mark.parametrize("names", [("allOf", "properties", "required"), ("properties", "required", "allOf")])
def test_what_all_of_adds_stands_beside_what_is_there(names: tuple[str, ...]) -> None:
    """In whatever order they were written."""
    schema = {
        "allOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}],
        "properties": {"b": {"type": "number"}},
        "required": ["b", "a"],
    }
    found, changes = subset({name: schema[name] for name in names})
    assert sorted(found["properties"]) == sorted(found["required"]) == ["a", "b"]
    assert (found["type"], changes) == ("object", ())
