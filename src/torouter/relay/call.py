"""What a surface has understood of a request: all that the relay needs besides the bytes."""

from __future__ import annotations

import msgspec

from torouter.codecs import Codec, Framing
from torouter.units import Operation

__all__ = ["Call", "answer_headers"]


class Call(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """`framing` is how the client wants its answer; `verb` and `query` are Gemini's, and go upstream as they are.

    `answer_headers` is a block of `name: value` lines that this surface adds to every answer. `is_strict`: what a
    translation would lose is refused. One object for all requests that have the same head and want the same framing.
    """

    codec: Codec
    operation: Operation
    framing: Framing
    content_type: bytes
    verb: str = ""
    query: bytes = b""
    answer_headers: bytes = b""
    is_strict: bool = False

    def headers_for(self, request_id: bytes) -> bytes:
        return answer_headers(self.codec, self.answer_headers, request_id)


def answer_headers(codec: Codec, block: bytes, request_id: bytes) -> bytes:
    """`block`, and what the clients of this dialect look for besides: Anthropic's have a name of their own for the id
    of a request."""
    return b"%brequest-id: %b\r\n" % (block, request_id) if codec.dialect == "anthropic" else block
