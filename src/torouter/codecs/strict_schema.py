"""May a JSON Schema be asked for strictly? OpenAI's structured outputs, seen 2026-11."""

from __future__ import annotations

import msgspec

__all__ = ["is_strict"]


def is_strict(raw: bytes | None) -> bool:
    """Strict schemas close every object and require each of its properties; others are refused by the API."""
    return raw is None or _is_strict(msgspec.json.decode(raw))


def _is_strict(schema: object) -> bool:
    """Walks by position: a property may be called `properties` or `items`."""
    if not isinstance(schema, dict):
        return not isinstance(schema, bool)
    properties = schema.get("properties", {})
    is_object = schema.get("type") == "object" or "properties" in schema
    if is_object and not (
        schema.get("additionalProperties") is False and set(schema.get("required", ())) == set(properties)
    ):
        return False
    if any(word in schema for word in ("oneOf", "allOf", "not", "if", "patternProperties")):
        return False
    below = [*properties.values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", ())]
    return all(_is_strict(each) for each in [*below, *([schema["items"]] if "items" in schema else [])])
