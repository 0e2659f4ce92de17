"""Errors in the words of Anthropic: `{"type": "error", "error": {"type", "message"}, "request_id"}`.

Messages API, errors, seen 2026-11. Claude Code compacts its history on the phrase "prompt is too long".
"""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.codecs.codec import Framing
from torouter.codecs.openai_errors import printable
from torouter.errors import ErrorKind, TorouterError

__all__ = ["render_error", "render_stream_error"]

_TYPES: Final[dict[ErrorKind, str]] = {
    "bad_request": "invalid_request_error",
    "context_length": "invalid_request_error",
    "content_policy": "invalid_request_error",
    "authentication": "authentication_error",
    "billing": "billing_error",
    "forbidden": "permission_error",
    "not_found": "not_found_error",
    "conflict": "conflict_error",
    "too_large": "request_too_large",
    "rate_limit": "rate_limit_error",
    "client_gone": "api_error",
    "upstream_fault": "api_error",
    "overloaded": "overloaded_error",
    "timeout": "timeout_error",
    "internal": "api_error",
}
_TOO_LONG: Final = "prompt is too long"


def render_error(error: TorouterError, request_id: str) -> bytes:
    message = printable(error.message)
    if error.kind == "context_length" and _TOO_LONG not in message:
        message = f"{_TOO_LONG}: {message}"
    return msgspec.json.encode(
        {
            "type": "error",
            "error": {"type": error.type or _TYPES[error.kind], "message": message},
            "request_id": request_id,
        }
    )


def render_stream_error(error: TorouterError, request_id: str, framing: Framing) -> bytes:
    """The event `error`; no `message_stop` follows. A whole body has no such form: the envelope."""
    body = render_error(error, request_id)
    return b"event: error\ndata: %b\n\n" % body if framing == "sse" else body
