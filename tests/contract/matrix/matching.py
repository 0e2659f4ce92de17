"""Is what must be there there? Patterns are plain JSON: objects may hold more, lists and scalars must be the same."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["ABSENT", "Check", "difference"]

ABSENT = object()
"""In a pattern: the field must not be there."""

Check = Callable[[object], bool]
"""In a pattern: the value must pass."""


def difference(pattern: object, value: object, path: str = "body") -> str | None:
    """Where the value is not what the pattern says; `None` if it is."""
    if isinstance(pattern, dict):
        if not isinstance(value, dict):
            return f"{path}: {value!r} is no object"
        return next(filter(None, (_field(pattern[name], value, name, path) for name in pattern)), None)
    if isinstance(pattern, list):
        if not isinstance(value, list) or len(value) != len(pattern):
            return f"{path}: {value!r} is not the {len(pattern)} of {pattern!r}"
        pairs = enumerate(zip(pattern, value, strict=True))
        return next(filter(None, (difference(*pair, f"{path}.{index}") for index, pair in pairs)), None)
    if callable(pattern):
        return None if pattern(value) else f"{path}: {value!r} does not pass"
    is_same = value == pattern and isinstance(value, bool) == isinstance(pattern, bool)
    return None if is_same else f"{path}: {value!r} is not {pattern!r}"


def _field(pattern: object, value: dict[str, object], name: str, path: str) -> str | None:
    if pattern is ABSENT:
        return f"{path}.{name}: is there: {value[name]!r}" if name in value else None
    if name not in value:
        return f"{path}.{name}: is not there"
    return difference(pattern, value[name], f"{path}.{name}")
