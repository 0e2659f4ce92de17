"""Errors in the words of Google APIs: `{"error": {"code", "message", "status", "details"}}`.

`error` is the first key and `code` an integer, or google-genai does not recognise an error within a stream. Codes of
google.rpc, seen 2026-11. `type` repeats our own code, so that "look at type" holds on every surface.
"""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.codecs.codec import Framing
from torouter.codecs.openai_errors import printable
from torouter.errors import ErrorKind, TorouterError

__all__ = ["render_error", "render_stream_error"]

_STATUSES: Final[dict[ErrorKind, str]] = {
    "bad_request": "INVALID_ARGUMENT",
    "context_length": "INVALID_ARGUMENT",
    "content_policy": "INVALID_ARGUMENT",
    "authentication": "UNAUTHENTICATED",
    "billing": "RESOURCE_EXHAUSTED",
    "forbidden": "PERMISSION_DENIED",
    "not_found": "NOT_FOUND",
    "conflict": "ABORTED",
    "too_large": "INVALID_ARGUMENT",
    "rate_limit": "RESOURCE_EXHAUSTED",
    "client_gone": "CANCELLED",
    "upstream_fault": "INTERNAL",
    "overloaded": "UNAVAILABLE",
    "timeout": "DEADLINE_EXCEEDED",
    "internal": "INTERNAL",
}
_RPC: Final = "type.googleapis.com/google.rpc."
_ANTHROPIC_OVERLOADED: Final = 529


def render_error(error: TorouterError, request_id: str) -> bytes:
    """A whole body. The request id travels in the header only."""
    return msgspec.json.encode({"error": _error(error)})


def render_stream_error(error: TorouterError, request_id: str, framing: Framing) -> bytes:
    """The last thing a stream says. `array`: the array has been opened and holds at least one element, for before its
    first byte the status can still be told, and `render_error` is the body; so this is one more element and the
    closing bracket. A whole body has no such form: the envelope."""
    body = render_error(error, request_id)
    if framing == "sse":
        return b"data: %b\n\n" % body
    return b",\n%b\n]" % body if framing == "array" else body


def _error(error: TorouterError) -> dict[str, object]:
    status = _STATUSES[error.kind]
    details: list[dict[str, str]] = [
        {"@type": _RPC + "ErrorInfo", "reason": error.code or error.type or status, "domain": "torouter"}
    ]
    if error.retry_after_s is not None:
        details.append({"@type": _RPC + "RetryInfo", "retryDelay": _duration(error.retry_after_s)})
    return {
        "code": 503 if error.status == _ANTHROPIC_OVERLOADED else error.status,
        "message": printable(error.message),
        "status": status,
        "details": details,
        "type": error.type or status,
    }


def _duration(seconds: float) -> str:
    """JSON of `google.protobuf.Duration`: "23s", "0.25s"."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
