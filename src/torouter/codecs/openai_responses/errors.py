"""Errors in the words of Responses: the envelope of chat, and `response.failed` once a stream runs.

A bare `error` event is yielded, not raised, by the official SDK and ignored by Codex, so it is not used (seen 2026-11).
"""

from __future__ import annotations

import msgspec

from torouter.codecs.codec import Framing
from torouter.codecs.openai_errors import openai_code, printable, render_openai_error
from torouter.errors import TorouterError

__all__ = ["render_stream_error"]


def render_stream_error(error: TorouterError, request_id: str, framing: Framing) -> bytes:
    """The event `response.failed` with a whole response object. The stream's own response id and sequence number are
    not known here; the id is made of the request id."""
    if framing != "sse":
        return render_openai_error(error, request_id)
    event = {"type": "response.failed", "sequence_number": 0, "response": _failed(error, request_id)}
    return b"event: response.failed\ndata: %b\n\n" % msgspec.json.encode(event)


def _failed(error: TorouterError, request_id: str) -> dict[str, object]:
    """Every field that the SDK's typed model requires (openai 3.54), and no clock."""
    return {
        "id": "resp_" + request_id.removeprefix("req_"),
        "object": "response",
        "created_at": 0,
        "status": "failed",
        "error": {"code": openai_code(error) or "server_error", "message": printable(error.message)},
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "",
        "output": [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }
