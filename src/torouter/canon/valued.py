"""Schemas whose root is no object (a list, a number, one word of an enum), for upstreams that take nothing but objects:
the root becomes the one property, `value`, of an object, and what is said in its form is taken out again."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.request import ChatRequest, Tool

__all__ = ["FIELD", "in_object", "object_schema", "out_of_object", "valued_tools"]

FIELD: Final = "value"
_DEFINITIONS: Final = "$defs"


class _Root(msgspec.Struct):
    type: str | list[str] | None = None


class _Holder(msgspec.Struct):
    value: Raw


_read_root = msgspec.json.Decoder(_Root).decode
_read_holder = msgspec.json.Decoder(_Holder).decode


def object_schema(schema: bytes) -> bytes | None:
    """`None` for a schema that is an object's, or may be. References still point into the root's definitions. Raises
    `RecursionError`."""
    if not _is_valued(schema):
        return None
    root = msgspec.json.decode(schema, type=dict[str, Raw])
    definitions = root.pop(_DEFINITIONS, None)
    around: dict[str, object] = {"type": "object", "properties": {FIELD: root}, "required": [FIELD]}
    around["additionalProperties"] = False
    return msgspec.json.encode(around if definitions is None else {**around, _DEFINITIONS: definitions})


def valued_tools(request: ChatRequest) -> frozenset[str]:
    """The names of functions whose arguments are no object. Only OpenAI's dialects write arguments as a text, which may
    hold anything."""
    if not request.dialect.startswith("openai-"):
        return frozenset()
    return frozenset(
        tool.name
        for tool in request.tools
        if isinstance(tool, Tool) and tool.kind == "function" and tool.schema is not None and _is_valued(tool.schema)
    )


def in_object(arguments: str) -> str:
    """Arguments of a call; what is no JSON (a limit cut it off) stays as it is."""
    try:
        value = msgspec.json.decode(arguments, type=Raw)
    except (msgspec.DecodeError, RecursionError):
        return arguments
    return msgspec.json.encode({FIELD: value}).decode()


def out_of_object(arguments: str) -> str:
    """The value's own JSON; arguments that are of another form (models err, limits cut) stay as they are."""
    try:
        return bytes(_read_holder(arguments).value).decode()
    except (msgspec.DecodeError, RecursionError):
        return arguments


def _is_valued(schema: bytes) -> bool:
    try:
        return _read_root(schema).type not in ("object", None)
    except msgspec.DecodeError:  # `true`, or no schema at all
        return False
