"""What a surface has understood of a request: all that the relay needs besides the bytes."""

from __future__ import annotations

import msgspec

from torouter.codecs import Codec, Framing
from torouter.units import Operation

__all__ = ["Call"]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """`framing` is how the client wants its answer; `verb` and `query` are Gemini's, and go upstream as they are.

    `answer_headers` is a block of `name: value` lines that this surface adds to every answer.
    """

    codec: Codec
    operation: Operation
    framing: Framing
    content_type: bytes
    verb: str = ""
    query: bytes = b""
    answer_headers: bytes = b""
