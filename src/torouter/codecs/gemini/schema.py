"""Schemas between Gemini's two forms and JSON Schema.

A Gemini request has parameters as `parameters` (a form of OpenAPI's: types in capitals or as numbers, `nullable`) or as
`parametersJsonSchema`, a subset of JSON Schema; towards Gemini the latter is written, and lowered to the former
(`openapi`) where a server knows no other. Schemas are walked by position: a property that happens to be called `title`
or `properties` is no keyword. Gemini API, function calling and structured output, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from torouter.codecs.gemini.spelling import camel
from torouter.codecs.json_objects import Json, texts
from torouter.errors import RequestError

__all__ = ["from_openapi", "to_subset"]

_TYPES_BY_NUMBER: Final = ("", "string", "number", "integer", "boolean", "array", "object", "null")
_COUNTS: Final = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_HOME_ONLY: Final = frozenset({"propertyOrdering", "example"})
_DEFINITIONS: Final = {"defs": "$defs", "ref": "$ref"}

_KEPT: Final = frozenset(
    {
        *("$id", "$ref", "$anchor", "type", "format", "title", "description", "enum", "minItems", "maxItems"),
        *("minimum", "maximum", "required"),
    }
)
_MAPS: Final = frozenset({"properties", "$defs"})
_LISTS: Final = frozenset({"anyOf", "oneOf", "prefixItems"})
_ONES: Final = frozenset({"items", "additionalProperties"})
_ANNOTATIONS: Final = frozenset(
    {
        *("$schema", "$comment", "$vocabulary", "examples", "example", "deprecated", "default", "readOnly"),
        *("writeOnly", "enumTitles", "propertyOrdering", "contentEncoding", "contentMediaType"),
    }
)
"""Words about a schema, without which the same values are valid."""


def from_openapi(raw: bytes) -> bytes:
    """`parameters` or `responseSchema` as JSON Schema. Raises `RequestError` for nesting beyond reason."""
    try:
        value = msgspec.json.decode(raw)
        plain = _from_openapi(value)
        return raw if plain == value else msgspec.json.encode(plain)
    except RecursionError:
        raise RequestError("a schema in the request is nested too deeply") from None


def _from_openapi(value: object) -> object:
    if not isinstance(value, dict):
        return value
    plain: Json = {}
    for spelled, said in value.items():
        name = camel(spelled)
        name = _DEFINITIONS.get(name, name)
        if name in _HOME_ONLY or name == "nullable" or said is None:
            continue
        if name == "type":
            plain |= _type(said)
        elif name in _COUNTS and isinstance(said, str) and said.isdecimal():  # int64 in protobuf's JSON
            plain[name] = int(said)
        else:
            plain[name] = _within(name, said, _from_openapi)
    if value.get("nullable") is True and isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
        if isinstance(plain.get("enum"), list):
            plain["enum"] = [*_list(plain["enum"]), None]
    return plain


def _type(said: object) -> Json:
    if isinstance(said, int) and 0 <= said < len(_TYPES_BY_NUMBER):
        said = _TYPES_BY_NUMBER[said]
    if isinstance(said, str):
        said = said.lower()
    return {} if said in ("", "type_unspecified") else {"type": said}


def _within(name: str, said: object, walk: Callable[[object], object]) -> object:
    """The value of a keyword, with the schemas in it walked."""
    if name in _MAPS and isinstance(said, dict):
        return {key: walk(each) for key, each in said.items()}
    if name in _LISTS and isinstance(said, list):
        return [walk(each) for each in said]
    return walk(said) if name in _ONES else said


def to_subset(raw: bytes, *, keeps_titles: bool) -> tuple[bytes, tuple[str, ...]]:
    """JSON Schema within the subset, and what was changed that matters; untouched bytes where it is within already.

    Tools' schemas lose their titles, which say nothing: Gemini 2.5 Flash calls tools wrongly that have them (seen
    2026-11)."""
    value = msgspec.json.decode(raw)
    narrowing = _Narrowing(keeps_titles)
    narrowed = narrowing.schema(value)
    return (raw if narrowed == value else msgspec.json.encode(narrowed)), tuple(narrowing.changes)


class _Narrowing:
    def __init__(self, keeps_titles: bool) -> None:
        self._keeps_titles = keeps_titles
        self.changes: dict[str, None] = {}

    def schema(self, value: object) -> object:
        if not isinstance(value, dict):
            return value
        narrowed: Json = {}
        for name, said in value.items():
            if name != "allOf":
                self._keyword(name, said, value, narrowed)
        if isinstance(value.get("allOf"), list):  # last: it adds to what stands beside it
            self._all(value["allOf"], narrowed)
        if value.get("nullable") is True and isinstance(narrowed.get("type"), str):
            narrowed["type"] = [narrowed["type"], "null"]
        return narrowed

    def _keyword(self, name: str, said: object, schema: Mapping[str, object], narrowed: Json) -> None:
        if name == "definitions":
            narrowed["$defs"] = {**_dict(narrowed.get("$defs")), **_dict(_within("$defs", said, self.schema))}
        elif name == "$ref" and isinstance(said, str):
            narrowed[name] = said.replace("#/definitions/", "#/$defs/")
        elif name == "title" and not self._keeps_titles:
            return
        elif name in _KEPT:
            narrowed[name] = said
        elif name in _MAPS or name in _LISTS or name in _ONES:
            narrowed[name] = _within(name, said, self.schema)
        elif name == "const":
            narrowed["enum"] = [said]
        elif name in ("exclusiveMinimum", "exclusiveMaximum"):
            self._bound(name, said, schema, narrowed)
        elif name not in _ANNOTATIONS and name != "nullable" and not name.startswith("x-"):
            self.changes[f"`{name}` was dropped"] = None

    def _bound(self, name: str, said: object, schema: Mapping[str, object], narrowed: Json) -> None:
        """Of integers an exclusive bound is the next inclusive one."""
        if schema.get("type") == "integer" and isinstance(said, int) and not isinstance(said, bool):
            lowest = name == "exclusiveMinimum"
            narrowed["minimum" if lowest else "maximum"] = said + (1 if lowest else -1)
        else:
            self.changes[f"`{name}` was dropped"] = None

    def _all(self, branches: list[object], narrowed: Json) -> None:
        """All of them hold: one object with the properties of each."""
        for branch in branches:
            walked = self.schema(branch)
            if not isinstance(walked, dict) or ("$ref" in walked and len(branches) > 1):
                self.changes["`allOf` was dropped"] = None
                continue
            for name, said in walked.items():
                if name == "properties":
                    narrowed[name] = {**_dict(said), **_dict(narrowed.get(name))}
                elif name == "required":
                    narrowed[name] = list(dict.fromkeys([*texts(narrowed.get(name)), *texts(said)]))
                elif narrowed.setdefault(name, said) != said:
                    self.changes[f"`allOf` has several `{name}`, of which one was kept"] = None


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
