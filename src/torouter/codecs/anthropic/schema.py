"""JSON Schemas made fit for the Messages API: roots of tools' inputs, and the subset that structured output takes.

Schemas are walked by position: a property that happens to be called `format` or `properties` is no keyword. What the
subset lacks goes into the description, as the vendor's own SDK does it (structured outputs, seen 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import msgspec

from torouter.codecs.json_objects import Json, texts

__all__ = ["EMPTY_OBJECT", "input_schema", "is_in_subset", "output_schema"]

EMPTY_OBJECT: Final = b'{"type":"object","properties":{}}'
_FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
_CONSTRAINTS: Final = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
    "if",
    "then",
    "else",
    "not",
    "dependentRequired",
    "dependentSchemas",
    "contains",
)
_SCHEMA_MAPS: Final = ("properties", "$defs", "definitions")
_SCHEMA_LISTS: Final = ("anyOf", "allOf", "prefixItems")


def input_schema(raw: bytes | None) -> tuple[bytes, str | None] | None:
    """A tool's input schema with an object at its root, and what had to be changed for that; `None` if its root is no
    object. A schema that is fit already stays byte for byte."""
    if raw is None:
        return EMPTY_OBJECT, None
    schema = _object(raw)
    if schema is None:
        return None
    if not schema:
        return EMPTY_OBJECT, None
    combiners = [word for word in ("allOf", "anyOf", "oneOf") if word in schema]
    if not combiners and schema.get("type") == "object":
        return raw, None
    note = None
    schema = _resolved(schema)
    for word in combiners:
        merged = _merged(schema, word)
        if merged is None:
            return None
        schema = merged
        if word != "allOf":
            note = f"`{word}` at the root became the union of its properties"
    if schema.setdefault("type", "object") != "object":
        return None
    return msgspec.json.encode(schema), note


def is_in_subset(raw: bytes | None) -> bool:
    """May a tool with this input schema be strict?"""
    return raw is not None and output_schema(raw) == (raw, ())


def output_schema(raw: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The schema within the subset, and the changes that were made; untouched bytes if none were."""
    schema = _object(raw)
    if schema is None:
        return raw, ()
    changes: dict[str, None] = {}
    narrowed = _narrow(schema, changes)
    return (msgspec.json.encode(narrowed), tuple(changes)) if changes else (raw, ())


def _object(raw: bytes) -> Json | None:
    value = msgspec.json.decode(raw)
    return value if isinstance(value, dict) else None


def _resolved(schema: Json) -> Json:
    """A root that refers to one of its own definitions, replaced by that."""
    if "$ref" not in schema:
        return schema
    target = str(schema["$ref"]).removeprefix("#/").split("/")
    found: object = schema
    for step in target:
        found = found.get(step) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name != "$ref"}
    return {**cast("Json", found), **kept}


def _merged(schema: Json, word: str) -> Json | None:
    """The root without `word`: its object branches become one. All of them hold for `allOf`, for the others any may."""
    branches = [_resolved({**branch, "$defs": schema.get("$defs", {})}) for branch in _dicts(schema[word])]
    if not branches or any(branch.get("type", "object") != "object" for branch in branches):
        return None
    properties = dict(_mapping(schema.get("properties")))
    for branch in branches:
        properties = {**_mapping(branch.get("properties")), **properties}
    required = [set(texts(branch.get("required"))) for branch in branches]
    shared = set.union(*required) if word == "allOf" else set.intersection(*required)
    names = [name for name in properties if name in shared | set(texts(schema.get("required")))]
    kept = {name: value for name, value in schema.items() if name not in (word, "properties", "required")}
    if word != "allOf":
        alternatives = "; ".join(", ".join(_mapping(branch.get("properties"))) for branch in branches)
        kept["description"] = _joined(kept.get("description"), f"Give one of these sets of properties: {alternatives}")
    return {**kept, "type": "object", "properties": properties, "required": names}


def _narrow(schema: Json, changes: dict[str, None]) -> Json:
    narrowed: Json = {}
    notes: list[str] = []
    for name, value in schema.items():
        if name in _SCHEMA_MAPS:
            narrowed[name] = {key: _narrow_any(each, changes) for key, each in _mapping(value).items()}
        elif name in _SCHEMA_LISTS and isinstance(value, list):
            narrowed[name] = [_narrow_any(each, changes) for each in value]
        elif name == "items":
            narrowed[name] = _narrow_any(value, changes)
        elif name == "oneOf" and isinstance(value, list):
            changes["oneOf became anyOf"] = None
            narrowed["anyOf"] = [_narrow_any(each, changes) for each in value]
        elif _is_unsupported(name, value):
            changes[f"{name} became words in the description"] = None
            notes.append(f"{name}: {msgspec.json.encode(value).decode()}")
        else:
            narrowed[name] = value
    if _is_object(narrowed) and narrowed.get("additionalProperties") is not False:
        changes["objects were closed to additional properties"] = None
        narrowed["additionalProperties"] = False
    if notes:
        narrowed["description"] = _joined(narrowed.get("description"), "{" + ", ".join(notes) + "}")
    return narrowed


def _narrow_any(schema: object, changes: dict[str, None]) -> object:
    return _narrow(cast("Json", schema), changes) if isinstance(schema, dict) else schema


def _is_unsupported(name: str, value: object) -> bool:
    if name == "minItems":
        return value not in (0, 1)
    return name in _CONSTRAINTS or (name == "format" and str(value) not in _FORMATS)


def _is_object(schema: Json) -> bool:
    kind = schema.get("type")
    return (
        kind == "object" or (isinstance(kind, list) and "object" in kind) or (kind is None and "properties" in schema)
    )


def _joined(description: object, note: str) -> str:
    return f"{description}\n\n{note}" if isinstance(description, str) and description else note


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
