"""From what failed to the word by which it is explained to whoever runs the gateway.

Finer than the verdict on it, which only asks what to do next: a name that does not exist and a refused connection send
a request to the same next channel, and a person to different places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from torouter.errors import UpstreamError
from torouter.relay.verdict import Row
from torouter.routing.tryouts import Finding

__all__ = ["BY_VERDICT", "finding_on"]

_BY_CODE: Final[Mapping[str | None, Finding]] = {
    "upstream_connect_unknown": "name_unknown",
    "upstream_connect_refused": "refused",
    "upstream_connect_failed": "unreachable",
    "upstream_connect_timeout": "connect_timeout",
}
BY_VERDICT: Final[Mapping[str, Finding]] = {
    "kept_elsewhere": "bad_request",
    "content_policy": "content_policy",
    "context_length": "too_large",
    "bad_credential": "bad_credential",
    "no_credit": "no_credit",
    "forbidden": "forbidden",
    "rate_limited": "rate_limited",
    "overloaded": "overloaded",
    "not_found": "not_found",
    "conflict": "bad_request",
    "too_large": "too_large",
    "unprocessable": "bad_request",
    "timeout_408": "server_error",
    "no_answer": "no_answer",
    "server_error": "server_error",
    "bad_request": "bad_request",
    "tls": "tls",
    "connect": "unreachable",
    "first_token_timeout": "too_slow",
    "too_slow": "too_slow",
    "stalled": "too_slow",
    "malformed": "malformed",
    "reset": "reset",
    "empty": "empty",
    "cut": "cut",
    "error_in_stream": "error_in_answer",
}
_METHOD_NOT_ALLOWED: Final = 405


def finding_on(error: UpstreamError, row: Row, upstream_model: str) -> Finding:
    """`row` is the verdict on the error."""
    status = error.upstream_status
    if 300 <= status < 400:
        return "redirect"
    if status == _METHOD_NOT_ALLOWED:  # there is something at that address, and it is no such API
        return "not_found"
    if row.name == "not_found" and _is_about(error, upstream_model):
        return "model_not_found"
    if row.name == "no_answer" and status:
        return "server_error"
    return _BY_CODE.get(error.code) or BY_VERDICT[row.name]


def _is_about(error: UpstreamError, upstream_model: str) -> bool:
    """Does it speak of the model? Of a path that is not there nobody says which model was asked for."""
    says_so = error.code == "model_not_found" or error.param == "model"
    return says_so or upstream_model.encode() in error.body
