"""Instances for schemas: by keyword, and against pydantic's own schemas and their validation."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from torouter.channels.demo.synthesis import instance
from torouter.errors import RequestError


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (None, "demo"),
        (True, "demo"),
        ({}, "demo"),
        ({"type": "string"}, "demo"),
        ({"type": "STRING"}, "demo"),
        ({"type": "string", "minLength": 6}, "demo.."),
        ({"type": "string", "maxLength": 2}, "de"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "string", "format": "unheard-of"}, "demo"),
        ({"type": "integer"}, 1),
        ({"type": "number", "minimum": 2.5}, 2.5),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "exclusiveMinimum": 7}, 8),
        ({"type": "integer", "multipleOf": 5, "minimum": 7}, 10),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"]}, 1),
        ({"type": ["null"]}, None),
        ({"const": [1]}, [1]),
        ({"const": None}, None),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 3}, [1, 1, 1]),
        ({"type": "array", "maxItems": 0}, []),
        ({"prefixItems": [{"type": "integer"}, {"type": "string"}]}, [1, "demo"]),
        ({"type": "object"}, {}),
        ({"properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"]}, {"a": 1}),
        ({"type": "object", "required": ["undeclared"]}, {"undeclared": "demo"}),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"oneOf": [{"type": "null"}]}, None),
        ({"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "integer"}}}]}, {"a": 1}),
        ({"allOf": [{"$ref": "#/$defs/x"}], "$defs": {"x": {"type": "integer"}}}, 1),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": 7}}}, 7),
        # Properties that are called like keywords are properties.
        (
            {
                "type": "object",
                "properties": {"type": {"type": "integer"}, "$ref": {"type": "string"}, "enum": {"type": "boolean"}},
                "required": ["type", "$ref", "enum"],
            },
            {"type": 1, "$ref": "demo", "enum": True},
        ),
    ],
)
def test_keywords(schema: object, expected: object) -> None:
    assert instance(schema) == expected


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"allOf": [{"$ref": "#"}]},
        {"type": "array", "items": {"$ref": "#"}},
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.com/schema"},
        {"type": "array", "minItems": 10**9},
        {"type": "string", "minLength": 10**9},
        {"type": "array", "minItems": 1000, "items": {"type": "array", "minItems": 1000}},
    ],
)
def test_schemas_without_a_small_instance(schema: object) -> None:
    with pytest.raises(RequestError):
        instance(schema)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Leaf(BaseModel):
    kind: Literal["leaf"]
    size: Annotated[int, Field(ge=3, lt=9)]


class Tree(BaseModel):
    kind: Literal["tree"]
    children: list[Tree | Leaf] = []
    left: Tree | None


class Everything(BaseModel):
    name: Annotated[str, Field(min_length=2, max_length=3)]
    day: date
    at: datetime
    key: UUID
    colour: Colour
    leaf: Leaf | None
    pair: tuple[int, str]
    numbers: Annotated[list[float], Field(min_length=2)]
    table: dict[str, int]
    flag: bool = False


@pytest.mark.parametrize("model", [Leaf, Everything])
def test_pydantic_takes_what_its_schema_gets(model: type[BaseModel]) -> None:
    assert model.model_validate(instance(model.model_json_schema()))


def test_a_recursion_that_need_not_end_is_refused() -> None:
    """`left` is required and its first alternative is a tree again."""
    with pytest.raises(RequestError):
        instance(Tree.model_json_schema())


TYPES: list[Any] = [
    int,
    float,
    str,
    bool,
    date,
    UUID,
    list[int],
    dict[str, int],
    tuple[str, int],
    int | None,
    Colour,
    Leaf,
]


@given(types=st.lists(st.sampled_from(TYPES), min_size=1, max_size=5))
def test_any_mixture_of_types(types: list[Any]) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(tuple[tuple(types)])  # type: ignore[arg-type, misc]
    adapter.validate_python(_as_tuples(instance(adapter.json_schema())))


def _as_tuples(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


KEYWORDS = [
    *("type", "properties", "required", "items", "prefixItems", "anyOf", "allOf", "enum", "const", "$ref", "a"),
    *("minItems", "maxItems", "minimum", "maximum", "multipleOf", "minLength", "maxLength", "format"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYWORDS),
            inner | st.sampled_from(["object", "array", "string", "integer", "#", "#/a"]),
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(schema=JSON)
def test_nonsense_gives_an_instance_or_a_refusal(schema: object) -> None:
    try:
        first = instance(schema)
    except RequestError:
        return
    assert instance(schema) == first
