"""OpenAI's error envelope, which chat and Responses share.

`{"error": {"message", "type", "code", "param"}}`. Words of the kinds: OpenAI API reference, seen 2026-11; agents that
compact a long history wait for the code `context_length_exceeded`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.errors import ErrorKind, TorouterError

__all__ = ["openai_code", "openai_error", "printable", "render_openai_error"]

_WORDS: Final[dict[ErrorKind, tuple[str, str | None]]] = {
    "bad_request": ("invalid_request_error", None),
    "context_length": ("invalid_request_error", "context_length_exceeded"),
    "content_policy": ("invalid_request_error", "content_policy_violation"),
    "authentication": ("authentication_error", "invalid_api_key"),
    "billing": ("insufficient_quota", "insufficient_quota"),
    "forbidden": ("permission_error", None),
    "not_found": ("invalid_request_error", None),
    "conflict": ("conflict", None),
    "too_large": ("invalid_request_error", None),
    "rate_limit": ("rate_limit_error", "rate_limit_exceeded"),
    "client_gone": ("server_error", None),
    "upstream_fault": ("server_error", None),
    "overloaded": ("server_error", "overloaded"),
    "timeout": ("timeout", None),
    "internal": ("server_error", None),
}


def render_openai_error(error: TorouterError, request_id: str) -> bytes:
    """A whole body. The request id travels in the header only."""
    return msgspec.json.encode({"error": openai_error(error)})


def openai_error(error: TorouterError) -> dict[str, str | None]:
    return {
        "message": printable(error.message),
        "type": error.type or _WORDS[error.kind][0],
        "code": openai_code(error),
        "param": error.param,
    }


def openai_code(error: TorouterError) -> str | None:
    """Ours first; else the word that goes with the kind (`model_not_found` only where the model is what is missing)."""
    if error.kind == "not_found" and error.param == "model":
        return error.code or error.type or "model_not_found"
    return error.code or error.type or _WORDS[error.kind][1]


def printable(text: str) -> str:
    """A message may quote what a client sent, lone surrogates included, which JSON's encoder refuses."""
    return text.encode("utf-8", "replace").decode("utf-8")
