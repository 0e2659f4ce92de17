"""A call's arguments, for the dialects that have an object where others have text that a model wrote."""

from __future__ import annotations

import msgspec

__all__ = ["NotAnObject", "object_in"]


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
