"""An instance for a JSON Schema: the smallest that shows the shape. For tool arguments and structured output.

Works through the schema by position, takes the first of alternatives, fills in what is required and nothing else. It
knows the keywords that vendors' structured outputs know; a `pattern` is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from torouter.errors import RequestError

__all__ = ["instance"]

_DEPTH_LIMIT: Final = 32
_SIZE_LIMIT: Final = 2_000
_FORMATS: Final = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT1S",
    "email": "demo@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def instance(schema: object) -> object:
    """A value that the schema admits. Raises `RequestError` for one that has no small instance."""
    return _Builder(schema).build(schema, 0)


class _Builder:
    def __init__(self, root: object) -> None:
        self._root = root
        self._left = _SIZE_LIMIT

    def build(self, schema: object, depth: int) -> object:
        self._left -= 1
        if depth > _DEPTH_LIMIT or self._left < 0:
            raise RequestError("The demo cannot make an instance of this schema: too deep or too large")
        if not isinstance(schema, Mapping):
            return "demo"  # `true`, or nothing said: anything will do
        if isinstance(reference := schema.get("$ref"), str):
            return self.build(self._resolve(reference), depth + 1)
        if "const" in schema:
            return schema["const"]
        if isinstance(choices := schema.get("enum"), list) and choices:
            return choices[0]
        for keyword in ("anyOf", "oneOf"):
            if isinstance(options := schema.get(keyword), list) and options:
                return self._first(options, depth)
        if isinstance(parts := schema.get("allOf"), list) and parts:
            return self.build(
                _merged([self._followed(part) for part in (*parts, _without(schema, "allOf"))]), depth + 1
            )
        return self._typed(schema, _type_of(schema), depth)

    def _typed(self, schema: Mapping[str, object], name: str, depth: int) -> object:
        match name:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer" | "number":
                return _number(schema)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return _text(schema)

    def _object(self, schema: Mapping[str, object], depth: int) -> dict[str, object]:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        return {name: self.build(properties.get(name), depth + 1) for name in _required(schema)}

    def _array(self, schema: Mapping[str, object], depth: int) -> list[object]:
        prefix = schema.get("prefixItems")
        if isinstance(prefix, list) and prefix:
            return [self.build(item, depth + 1) for item in prefix]
        least = schema.get("minItems")
        count = max(least, 1) if isinstance(least, int) else 1
        if schema.get("maxItems") == 0:
            count = 0
        if count > self._left:
            raise RequestError("The demo cannot make an instance of this schema: too many items")
        return [self.build(schema.get("items"), depth + 1) for _ in range(count)]

    def _first(self, options: list[object], depth: int) -> object:
        """The first alternative that is not null: it shows more."""
        shown = [option for option in options if not (isinstance(option, Mapping) and _type_of(option) == "null")]
        return self.build((shown or options)[0], depth + 1)

    def _followed(self, schema: object) -> object:
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        return self._resolve(reference) if isinstance(reference, str) else schema

    def _resolve(self, reference: str) -> object:
        found = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or name not in found:
                raise RequestError(f"The schema refers to {reference}, which is not in it")
            found = found[name]
        if not reference.startswith("#"):
            raise RequestError(f"The demo does not fetch schemas: {reference}")
        return found


def _type_of(schema: Mapping[str, object]) -> str:
    """The type in lower case (Gemini's are upper), the first of several that is not null."""
    name = schema.get("type")
    if isinstance(name, list):
        name = next((entry for entry in name if entry != "null"), "null")
    if isinstance(name, str):
        return name.lower()
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _number(schema: Mapping[str, object]) -> int | float:
    """One, or the nearest that the limits allow."""
    value: int | float = 1
    for keyword, distance in (("minimum", 0), ("exclusiveMinimum", 1)):
        if isinstance(low := schema.get(keyword), int | float):
            value = max(value, low + distance)
    step = schema.get("multipleOf")
    if isinstance(step, int | float) and step > 0:
        value = -(-value // step) * step
    for keyword, distance in (("maximum", 0), ("exclusiveMaximum", 1)):
        if isinstance(high := schema.get(keyword), int | float):
            value = min(value, high - distance)
    return value


def _text(schema: Mapping[str, object]) -> str:
    value = _FORMATS.get(str(schema.get("format")), "demo")
    if isinstance(least := schema.get("minLength"), int) and least > len(value):
        if least > _SIZE_LIMIT:
            raise RequestError("The demo cannot make an instance of this schema: the text is too long")
        value = value.ljust(least, ".")
    if isinstance(most := schema.get("maxLength"), int) and most >= 0:
        value = value[:most]
    return value


def _merged(parts: list[object]) -> dict[str, object]:
    """The schemas of an `allOf` as one: properties and required names joined, of other keywords the last."""
    merged: dict[str, object] = {}
    properties: dict[str, object] = {}
    required: dict[str, None] = {}
    for part in parts:
        if isinstance(part, Mapping):
            merged.update(part)
            properties.update(found if isinstance(found := part.get("properties"), Mapping) else {})
            required.update(dict.fromkeys(_required(part)))
    if properties or required:
        merged |= {"properties": properties, "required": list(required)}
    return merged


def _required(schema: Mapping[str, object]) -> list[str]:
    names = schema.get("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _without(schema: Mapping[str, object], keyword: str) -> dict[str, object]:
    return {key: value for key, value in schema.items() if key != keyword}
