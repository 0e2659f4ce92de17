"""Schemas in the form of OpenAPI's (`parameters`, `responseSchema`), for servers that know no JSON Schema.

What is lowered here is within Gemini's subset of JSON Schema already (`schema.to_subset`). There are no references, one
type for each schema, enumerations of text only; required properties must exist, and arrays say what they hold. Walked
by position, like there. Gemini API, `Schema`, seen 2026-11.
"""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.codecs.json_objects import Json, texts
from torouter.errors import RequestError

__all__ = ["to_openapi"]

_KEPT: Final = frozenset({"title", "description", "minItems", "maxItems", "minimum", "maximum"})
_FORMATS: Final = {
    "string": frozenset({"enum", "date-time"}),
    "integer": frozenset({"int32", "int64"}),
    "number": frozenset({"float", "double"}),
}
"""Any other is refused."""
_SILENT: Final = frozenset({"$id", "$anchor", "$defs", "additionalProperties", "required", "items"})
"""Dropped without a word (open or closed objects differ in what a model may add), or read beside another keyword."""
_MAX_SCHEMAS: Final = 10_000
"""References may double what they refer to, again and again."""


def to_openapi(raw: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The schema, and what was changed that matters. Raises `RequestError` for one that grows beyond reason."""
    root = msgspec.json.decode(raw)
    lowering = _Lowering(root)
    lowered = lowering.schema(root, frozenset())
    return msgspec.json.encode(lowered), tuple(lowering.changes)


class _Lowering:
    def __init__(self, root: object) -> None:
        self._root = root
        self._left = _MAX_SCHEMAS
        self.changes: dict[str, None] = {}

    def schema(self, value: object, within: frozenset[str]) -> Json:
        """`within` are the references that are being followed."""
        self._left -= 1
        if self._left < 0:
            raise RequestError(
                f"a schema in the request has more than {_MAX_SCHEMAS} parts once references are followed"
            )
        if not isinstance(value, dict):
            return {}
        if isinstance(value.get("$ref"), str):
            return self._referred(value, str(value["$ref"]), within)
        lowered: Json = {}
        for name, said in value.items():
            if name in _KEPT:
                lowered[name] = said
            elif name == "properties" and isinstance(said, dict):
                lowered[name] = {key: self.schema(each, within) for key, each in said.items()}
            elif name not in _SILENT and name not in ("type", "enum", "format", "anyOf", "oneOf"):
                self._change(f"`{name}` was dropped")
        self._enum(value, lowered)
        self._type(value, lowered, within)
        for word in ("anyOf", "oneOf"):
            if isinstance(value.get(word), list):
                self._any(value[word], lowered, within)
        return lowered

    def _change(self, words: str) -> None:
        self.changes[words] = None

    def _referred(self, value: Json, reference: str, within: frozenset[str]) -> Json:
        target = None if reference in within else _at(self._root, reference)
        if target is None:
            self._change("a `$ref` to itself, or to nothing, became any object")
            target = {"type": "object"}
        beside = {name: said for name, said in value.items() if name != "$ref"}
        return self.schema({**target, **beside}, within | {reference})

    def _type(self, value: Json, lowered: Json, within: frozenset[str]) -> None:
        said = value.get("type")
        words = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        if "properties" in lowered and not words:
            words = ["object"]
        kinds = [word for word in words if isinstance(word, str) and word != "null"]
        if len(kinds) < len(words):
            lowered["nullable"] = True
        if len(kinds) > 1:
            lowered["anyOf"] = [self.schema({**value, "type": kind}, within) for kind in kinds]
            for name in set(lowered) - {"anyOf", "description", "nullable"}:
                del lowered[name]
        elif kinds:
            self._one_type(kinds[0], value, lowered, within)

    def _one_type(self, kind: str, value: Json, lowered: Json, within: frozenset[str]) -> None:
        lowered["type"] = kind.upper()
        if str(value.get("format")) in _FORMATS.get(kind, ()):
            lowered["format"] = value["format"]
        elif "format" in value:
            self._change("`format` was dropped")
        if kind == "object":
            names = texts(value.get("required"))
            known = lowered.get("properties")
            required = [name for name in names if isinstance(known, dict) and name in known]
            if required:
                lowered["required"] = required
        elif kind == "array":
            if not isinstance(value.get("items"), dict):
                self._change("arrays of anything became arrays of texts")
            lowered["items"] = self.schema(value.get("items"), within) or {"type": "STRING"}

    def _enum(self, value: Json, lowered: Json) -> None:
        said = value.get("enum")
        if not isinstance(said, list):
            return
        words = [each for each in said if each is not None]
        if len(words) < len(said):
            lowered["nullable"] = True
        if all(isinstance(word, str) for word in words):
            lowered["enum"] = words
            lowered["type"] = "STRING"
        else:
            self._change("`enum` of other values than texts became words in the description")
            values = ", ".join(msgspec.json.encode(word).decode() for word in words)
            lowered["description"] = "\n\n".join([*texts([lowered.get("description")]), f"One of: {values}"])

    def _any(self, branches: list[object], lowered: Json, within: frozenset[str]) -> None:
        """Null is no branch here; a single branch that is left stands for all."""
        others = [branch for branch in branches if not (isinstance(branch, dict) and branch.get("type") == "null")]
        found = [self.schema(branch, within) for branch in others]
        if len(others) < len(branches):
            lowered["nullable"] = True
        if len(found) == 1:
            found[0].update(lowered)
            lowered.update(found[0])
        elif found:
            lowered["anyOf"] = found


def _at(root: object, reference: str) -> Json | None:
    """What a pointer within the schema (`#/$defs/x`) leads to, if that is an object."""
    if not reference.startswith("#"):
        return None
    found = root
    for step in reference[1:].split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None
