"""What every operation of the demo is given, and how it reads a body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from torouter.errors import RequestError

__all__ = ["Incoming", "decode", "tokens"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One request. `model` and `verb` are Gemini's, from the path; `seed` is what ids are made of."""

    body: bytes
    content_type: bytes
    model: str
    verb: str
    is_sse: bool
    seed: str
    created_s: int


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Raises `RequestError` with the place of the fault, whatever the bytes are."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise RequestError(f"The demo cannot read this request: {err}") from None


def tokens(size_bytes: int) -> int:
    """A plausible number of tokens: four bytes each, at least one."""
    return max(1, size_bytes // 4)
