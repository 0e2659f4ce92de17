"""A call's arguments: an object in some dialects, text that a model wrote in others."""

from __future__ import annotations

import msgspec

__all__ = ["NotAnObject", "compact", "object_in"]


class NotAnObject(Exception):
    """The arguments are JSON, and no object: they are whole, and cannot be an input."""


def object_in(arguments: str) -> bytes | None:
    """The object, verbatim; `{}` where there is nothing; `None` for what is no JSON (the call was cut by a limit).

    Some clients and models encode the object twice: one level of that is undone. Raises `NotAnObject`."""
    text = arguments.strip() or "{}"
    for _ in range(2):
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return None
        if isinstance(value, dict):
            return text.encode()
        if not isinstance(value, str):
            break
        text = value
    raise NotAnObject


def compact(arguments: str) -> str:
    """Arguments without whitespace between tokens, numbers and key order as they came; `{}` where there are none. What
    is no JSON (a call that was cut by a limit) stays as it is."""
    if not arguments.strip():
        return "{}"
    try:
        return msgspec.json.format(arguments.encode(), indent=-1).decode()
    except (msgspec.DecodeError, RecursionError):
        return arguments
