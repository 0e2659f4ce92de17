"""May a JSON Schema be asked for strictly? OpenAI's structured outputs, seen 2026-11."""

from __future__ import annotations

import msgspec

__all__ = ["is_strict"]


def is_strict(raw: bytes | None) -> bool:
    """Strict schemas close every object and require each of its properties; others are refused by the API."""
    try:
        return raw is None or _is_strict(msgspec.json.decode(raw))
    except RecursionError:  # far beyond the few levels that the API allows
        return False


def _is_strict(schema: object) -> bool:
    """Walks by position: a property may be called `properties` or `items`. What is no schema is not strict."""
    if not isinstance(schema, dict):
        return False
    properties, definitions = schema.get("properties", {}), schema.get("$defs", {})
    required, alternatives = schema.get("required", []), schema.get("anyOf", [])
    if not (isinstance(properties, dict) and isinstance(definitions, dict)):
        return False
    if not (isinstance(required, list) and isinstance(alternatives, list)):
        return False
    is_object = schema.get("type") == "object" or "properties" in schema
    is_closed = schema.get("additionalProperties") is False and all(name in required for name in properties)
    if is_object and not (is_closed and all(name in properties for name in map(str, required))):
        return False
    if any(word in schema for word in ("oneOf", "allOf", "not", "if", "patternProperties")):
        return False
    below = [*properties.values(), *definitions.values(), *alternatives]
    return all(_is_strict(each) for each in [*below, *([schema["items"]] if "items" in schema else [])])
