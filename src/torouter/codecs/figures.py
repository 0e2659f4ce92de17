"""Reading numbers and words out of an upstream's JSON, of which nothing is certain."""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["decoded", "is_given", "parts_within", "tokens", "word"]

_MAX_WORD: Final = 32


def tokens(source: object, *path: str) -> int | None:
    """The count at this path of nested objects; `None` if it is absent, null or no count."""
    for name in path:
        if not isinstance(source, dict):
            return None
        source = source.get(name)
    if isinstance(source, bool) or not isinstance(source, int | float):
        return None
    return int(source) if 0 <= source < 1 << 53 else None


def word(value: object) -> str:
    """A short word of the upstream's; empty for anything else."""
    return value if isinstance(value, str) and len(value) <= _MAX_WORD else ""


def parts_within(whole: int, first: int, second: int) -> tuple[int, int]:
    """Two parts of a counter, cut so that together they are never more than it."""
    first = min(first, whole)
    return first, min(second, whole - first)


def decoded(raw: msgspec.Raw | bytes) -> object:
    """Any JSON value; `None` for what is none."""
    try:
        value: object = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value


def is_given(raw: msgspec.Raw | bytes) -> bool:
    """Was the field there, and not null? (A field that was absent is the empty `Raw`.)"""
    return len(raw) > 4 or bytes(raw) not in (b"", b"null")
