"""Errors in the words of OpenAI chat, whole and as the last thing a stream says."""

from __future__ import annotations

from torouter.codecs.codec import Framing
from torouter.codecs.openai_errors import render_openai_error
from torouter.errors import TorouterError

__all__ = ["render_stream_error"]


def render_stream_error(error: TorouterError, request_id: str, framing: Framing) -> bytes:
    """`data: {"error": …}`; no finish reason and no `[DONE]` follows. A whole body has no such form: the envelope."""
    body = render_openai_error(error, request_id)
    return b"data: %b\n\n" % body if framing == "sse" else body
