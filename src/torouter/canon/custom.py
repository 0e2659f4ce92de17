"""Calls of custom tools, which take free text, where only functions are known: the text is the field of an object."""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.canon.blocks import CallKind
from torouter.canon.valued import out_of_object

__all__ = ["WRAPPED_SCHEMA", "unwrapped", "wrapped"]

WRAPPED_SCHEMA: Final = (
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'
)


def wrapped(text: str) -> str:
    return msgspec.json.encode({"input": text}).decode()


def unwrapped(arguments: str, kind: CallKind) -> str:
    """The text; of a function, the value that is no object. Arguments that are of another form (models err, limits cut)
    stay as they are."""
    if kind == "function":
        return out_of_object(arguments)
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return arguments
    text = value.get("input") if isinstance(value, dict) else None
    return text if isinstance(text, str) else arguments
