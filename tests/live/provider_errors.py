"""How providers of each dialect word a refusal: status and body, recorded where there is a recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.live.upstream import Answer, json_answer, recorded_answer

__all__ = ["error_event", "refusal"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Words:
    """OpenAI's `type` and `code`, Anthropic's `type`, Google's `status`, and what is said."""

    openai_type: str
    openai_code: str | None
    anthropic_type: str
    google_status: str
    message: str


_WORDS: Final[Mapping[str, _Words]] = {
    "rate": _Words("rate_limit_error", "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED", "slow down"),
    "key": _Words("invalid_request_error", "invalid_api_key", "authentication_error", "UNAUTHENTICATED", "bad key"),
    "credit": _Words(
        "insufficient_quota", "insufficient_quota", "billing_error", "FAILED_PRECONDITION", "no credit is left"
    ),
    "forbidden": _Words("permission_error", None, "permission_error", "PERMISSION_DENIED", "banned"),
    "policy": _Words(
        "invalid_request_error",
        "content_policy_violation",
        "invalid_request_error",
        "INVALID_ARGUMENT",
        "The prompt was rejected by our safety system: it violates the content policy.",
    ),
    "broken": _Words("server_error", None, "api_error", "INTERNAL", "something broke"),
    "busy": _Words("server_error", None, "overloaded_error", "UNAVAILABLE", "overloaded"),
    "late": _Words("server_error", None, "timeout_error", "DEADLINE_EXCEEDED", "gave up waiting"),
    "conflict": _Words("conflict_error", None, "conflict_error", "ABORTED", "being changed by another request"),
    "large": _Words("invalid_request_error", None, "request_too_large", "INVALID_ARGUMENT", "the body is too large"),
    "odd": _Words("invalid_request_error", None, "invalid_request_error", "INVALID_ARGUMENT", "cannot be processed"),
    "wrong": _Words("invalid_request_error", None, "invalid_request_error", "INVALID_ARGUMENT", "no such parameter"),
    "unknown": _Words("invalid_request_error", "model_not_found", "not_found_error", "NOT_FOUND", "no such model"),
    "long": _Words(
        "invalid_request_error",
        "context_length_exceeded",
        "invalid_request_error",
        "INVALID_ARGUMENT",
        "prompt is too long: this model's maximum context length is 8192 tokens",
    ),
}
_RECORDED: Final[Mapping[tuple[str, str], str]] = {
    ("key", "openai-chat"): "openai-chat/json/003",
    ("key", "openai-responses"): "openai-responses/json/008",
    ("key", "anthropic"): "anthropic-messages/json/002",
    ("unknown", "openai-chat"): "openai-chat/json/008",
    ("unknown", "gemini"): "gemini/json/009",
    ("wrong", "anthropic"): "anthropic-messages/json/016",
}


def refusal(dialect: str, word: str, status: int, *, retry_after_s: int | None = None) -> Answer:
    """`refusal("anthropic", "rate", 429, retry_after_s=1)`."""
    if name := _RECORDED.get((word, dialect)):
        return recorded_answer(name)
    headers = [] if retry_after_s is None else [("retry-after", str(retry_after_s))]
    return json_answer(_body(dialect, _WORDS[word], status), status=status, headers=headers)


def error_event(dialect: str) -> Json:
    """What a provider says in a stream that it cannot go on with."""
    body = _body(dialect, _WORDS["busy"], 503)
    if dialect != "openai-responses":
        return body
    failed = {"code": "server_error", "message": "overloaded"}
    response = {"id": "resp_1", "object": "response", "status": "failed", "error": failed, "output": []}
    return {"type": "response.failed", "sequence_number": 99, "response": response}


def _body(dialect: str, words: _Words, status: int) -> Json:
    if dialect == "anthropic":
        return {"type": "error", "error": {"type": words.anthropic_type, "message": words.message}}
    if dialect == "gemini":
        return {"error": {"code": status, "message": words.message, "status": words.google_status}}
    told = {"message": words.message, "type": words.openai_type, "param": None, "code": words.openai_code}
    return {"error": told}
