"""Errors as this API says them, and the headers that every answer has."""

from __future__ import annotations

import logging
from typing import Final

import msgspec
from starlette.responses import Response

from torouter.console.admin.shapes import ErrorBody, ErrorView
from torouter.errors import InternalError, StoreError, TorouterError

__all__ = ["HEADERS", "JSON", "refusal", "respond"]

_log = logging.getLogger("torouter.admin")

JSON: Final = "application/json"
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def respond(answer: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(answer), status, HEADERS, JSON)


def refusal(error: Exception, request_id: str) -> Response:
    """What is not ours to show is logged instead, under the request's id."""
    shown = _shown(error, request_id)
    body = ErrorBody(
        error=ErrorView(message=shown.message, type=shown.type or shown.kind, code=shown.code, param=shown.param)
    )
    headers = dict(HEADERS)
    if shown.status == 401:
        headers["www-authenticate"] = "Bearer"
    if shown.retry_after_s is not None:
        headers["retry-after"] = str(max(1, round(shown.retry_after_s)))
    return Response(msgspec.json.encode(body), shown.status, headers, JSON)


def _shown(error: Exception, request_id: str) -> TorouterError:
    if isinstance(error, StoreError) and error.kind not in ("not_found", "conflict", "bad_request"):
        _log.error("store is not usable request_id=%s error=%s", request_id, error.message)
        return StoreError("The store cannot be used right now. Try again.", kind="overloaded", retry_after_s=1)
    if isinstance(error, TorouterError):
        return error
    _log.error("fault request_id=%s", request_id, exc_info=error)
    return InternalError("Something went wrong in the gateway. The fault is logged under this answer's request id.")
