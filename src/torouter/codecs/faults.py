"""Reading an upstream's error answer, whatever its shape: one reader for all dialects.

"Compatible" upstreams answer errors in each other's envelopes, as plain text, as HTML pages, as arrays, with status
200; so the reader goes by what it finds and not by the dialect it expects. The upstream's own words are kept. What
agents act upon (a prompt too long, a spent account, a refused content), or we (state that another account issued), is
recognised by code or by known phrases. Seen 2026-11.
"""

from __future__ import annotations

import re
from typing import Final

from torouter.codecs.codec import UpstreamFault
from torouter.codecs.figures import decoded
from torouter.errors import ErrorKind

__all__ = ["read_error"]

_MAX_BODY_BYTES: Final = 1024 * 1024
_MAX_MESSAGE: Final = 4000

_BY_STATUS: Final[dict[int, ErrorKind]] = {
    401: "authentication",
    402: "billing",
    403: "forbidden",
    404: "not_found",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    429: "rate_limit",
    499: "upstream_fault",
    503: "overloaded",
    504: "timeout",
    522: "timeout",
    524: "timeout",
    529: "overloaded",
}

_DECISIVE: Final[dict[str, ErrorKind]] = {
    "context_length_exceeded": "context_length",
    "exceed_context_size_error": "context_length",
    "model_context_window_exceeded": "context_length",
    "content_policy_violation": "content_policy",
    "content_filter": "content_policy",
    "responsibleaipolicyviolation": "content_policy",
    "moderation_blocked": "content_policy",
    "prohibited_content": "content_policy",
    "data_inspection_failed": "content_policy",
    "datainspectionfailed": "content_policy",
    "insufficient_quota": "billing",
    "insufficient_balance": "billing",
    "billing_error": "billing",
    "billing_hard_limit_reached": "billing",
    "billing_not_active": "billing",
    "exceeded_current_quota_error": "billing",
    "arrearage": "billing",
    "account_deactivated": "authentication",
    "invalid_api_key": "authentication",
    "api_key_invalid": "authentication",
    "model_not_found": "not_found",
}
"""Codes that say more than the status they come with."""

_MINIMAX: Final[dict[int, ErrorKind]] = {
    1001: "timeout",
    1002: "rate_limit",
    1004: "authentication",
    1008: "billing",
    1026: "content_policy",
    1027: "content_policy",
    1039: "rate_limit",
    1041: "rate_limit",
    1042: "bad_request",
    2013: "bad_request",
    2045: "rate_limit",
    2049: "authentication",
    2056: "rate_limit",
}
"""Of `base_resp.status_code`, which comes with status 200 (platform.minimax.io, "Error Codes", 2026-11)."""

_INDICATIVE: Final[dict[str, ErrorKind]] = {
    "invalid_request_error": "bad_request",
    "invalid_argument": "bad_request",
    "failed_precondition": "bad_request",
    "authentication_error": "authentication",
    "unauthenticated": "authentication",
    "permission_error": "forbidden",
    "permission_denied": "forbidden",
    "not_found_error": "not_found",
    "not_found": "not_found",
    "conflict_error": "conflict",
    "aborted": "conflict",
    "request_too_large": "too_large",
    "rate_limit_error": "rate_limit",
    "rate_limit_exceeded": "rate_limit",
    "resource_exhausted": "rate_limit",
    "overloaded_error": "overloaded",
    "overloaded": "overloaded",
    "unavailable": "overloaded",
    "timeout_error": "timeout",
    "timeout": "timeout",
    "deadline_exceeded": "timeout",
}
"""Words that count only where there is no status of an error: in a stream, or in a body sent with 200."""

_TOO_LONG: Final = re.compile(
    r"prompt is too long|input is too long|maximum context length|context (?:length|window|size)"
    r"|input token count.{0,80}exceeds|too many (?:input )?tokens|reduce the length of the (?:messages|prompt|input)"
)
_SPENT: Final = re.compile(
    r"credit balance is too low|insufficient (?:account )?(?:balance|credits?|funds)|exceeded your current quota"
    r"|requires more credits|billing hard limit|check your (?:plan and )?billing"
    r"|reached your specified (?:api )?usage limits"
)
_BAD_KEY: Final = re.compile(r"api key not valid|(?:incorrect|invalid) (?:x-)?api[ -]key|api key expired")
_BARRED: Final = re.compile(
    r"(?:organization|account) (?:has been|was|is) (?:disabled|deactivated|suspended|terminated)"
    r"|consumer .{1,80} has been suspended"
)
"""Of whom a key belongs to. Anthropic says it with 400, and with a word on its usage policy (2026-07)."""
_NOT_FROM_HERE: Final = re.compile(r"user location is not supported")
"""Google's word, with 400, on the network that a channel is asked from."""
_POLICY: Final = re.compile(
    r"content (?:management )?polic|usage (?:polic|guidelines)|safety system|content filter"
    r"|(?:was|been|input) flagged|flagged as |responsible ai practices|content exists risk"
    r"|prompt (?:was|is|has been) blocked|blocked (?:by|due to|because of) .{0,40}(?:safety|policy|prohibited)"
)
"""What is said of refused content by OpenAI, Azure, Anthropic ("Output blocked by content filtering policy"), Google,
xAI and DeepSeek (2026-11)."""
_NOT_ITS_STATE: Final = re.compile(
    r"encrypted content.{0,200}could not be verified|(?:corrupted|invalid) thought signature"
    r"|thought signature is not valid|invalid `signature` in `thinking`",
    re.DOTALL,
)
"""What OpenAI, Google and Anthropic say of state that another account or cloud issued, often without a code (their
clients' issues, 2026)."""
_TITLE: Final = re.compile(r"<title[^>]*>\s*([^<]{1,200}?)\s*</title>", re.IGNORECASE)
_SECRET: Final = re.compile(r"\b(?:sk-|gsk_|xai-|AIza|org-|proj_)[\w*.…-]{6,}")
_DELAY: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_MESSAGES: Final = ("message", "msg", "status_msg")
_CODE_IN_PLACE_OF_WORD: Final = re.compile(r"\d+")


def read_error(status: int, body: bytes) -> UpstreamFault:
    """What an upstream's error answer says. `status` below 400 means: none that tells. Never raises.

    Of the result, `type` and `code` are the upstream's own words where it has some; `retry_after_s` is Google's
    `RetryInfo`. Keys that messages quote in part are masked: they are not the caller's.
    """
    value = decoded(body) if len(body) <= _MAX_BODY_BYTES else None
    if isinstance(value, list):
        value = next((item for item in value if isinstance(item, dict)), None)
    envelope: dict[str, object] = value if isinstance(value, dict) else {}
    said = _innermost(envelope)
    message = _message(said) or _message(envelope) or _plain(value if isinstance(value, str) else body, status)
    retry_after_s = _retry_after_s(said.get("details"))
    type_, code = _word(said, "type") or _word(said, "status"), _word(said, "code") or _reason(said.get("details"))
    if status < 400:
        status = _status_within(said)
    kind = _minimax(envelope) or _kind(status, message.lower(), (code, type_), has_retry=retry_after_s is not None)
    if kind == "content_policy" and code is None:
        code = "content_policy_violation"
    elif kind == "bad_request" and code is None and _NOT_ITS_STATE.search(message.lower()):
        code = "invalid_encrypted_content"
    return UpstreamFault(
        kind=kind,
        message=_SECRET.sub("***", message)[:_MAX_MESSAGE],
        type=type_,
        code=code,
        param=_text(said.get("param")),
        retry_after_s=retry_after_s,
    )


def _kind(status: int, message: str, words: tuple[str | None, ...], *, has_retry: bool) -> ErrorKind:
    known = [word.lower() for word in words if word]
    for word in known:
        if word in _DECISIVE:
            return _DECISIVE[word]
    if status not in (401, 404, 429) and _TOO_LONG.search(message):
        return "context_length"
    if not has_retry and status < 500 and _SPENT.search(message):
        return "billing"  # with a time to wait it is Gemini's word for an ordinary rate limit
    if status in (0, 400, 401, 403) and (_BAD_KEY.search(message) or _BARRED.search(message)):
        return "authentication"
    if status in (0, 400) and _NOT_FROM_HERE.search(message):
        return "forbidden"
    if status in (0, 400, 403) and _POLICY.search(message):
        return "content_policy"
    if status >= 400:
        return _BY_STATUS.get(status, "bad_request" if status < 500 else "upstream_fault")
    for word in known:
        if word in _INDICATIVE:
            return _INDICATIVE[word]
    return "upstream_fault"


def _innermost(envelope: dict[str, object]) -> dict[str, object]:
    """The object that holds the words: `error`, that of a failed response, or the envelope itself."""
    for holder in (envelope, envelope.get("response")):
        if isinstance(holder, dict):
            error = holder.get("error")
            if isinstance(error, dict):
                return error
            if isinstance(error, str):
                return {**holder, "message": error}
    base = envelope.get("base_resp")
    return base if isinstance(base, dict) else envelope


def _minimax(envelope: dict[str, object]) -> ErrorKind | None:
    base = envelope.get("base_resp")
    code = base.get("status_code") if isinstance(base, dict) else None
    return _MINIMAX.get(code) if isinstance(code, int) else None


def _message(said: dict[str, object]) -> str | None:
    """`message`, or FastAPI's `detail`; behind an intermediary's phrase, the words of the provider itself."""
    message = next((text for name in _MESSAGES if (text := _text(said.get(name)))), None)
    if message is None:
        return _detail(said.get("detail"))
    metadata = said.get("metadata")
    if message.lower() == "provider returned error" and isinstance(metadata, dict):
        raw = _text(metadata.get("raw"))
        inner = decoded(raw.encode("utf-8", "replace")) if raw else None
        return (_message(_innermost(inner)) if isinstance(inner, dict) else raw) or message
    return message


def _detail(detail: object) -> str | None:
    if isinstance(detail, list):
        texts = [_text(item.get("msg")) if isinstance(item, dict) else _text(item) for item in detail]
        return "; ".join(text for text in texts if text) or None
    return _message(detail) if isinstance(detail, dict) else _text(detail)


def _plain(body: bytes | str, status: int) -> str:
    text = body if isinstance(body, str) else body[:_MAX_BODY_BYTES].decode("utf-8", "replace")
    text = text.strip()
    if text.startswith("<"):
        title = _TITLE.search(text)
        return f"The upstream answered with status {status}" + (f": {title[1]}" if title else " and a page.")
    if not text or text[0] in "{[":
        return f"The upstream answered with status {status} and no message."
    return text


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _word(said: dict[str, object], name: str) -> str | None:
    """A code or type in words. Numbers repeat the HTTP status (Gemini, OpenRouter, llama.cpp, Azure)."""
    word = _text(said.get(name))
    return None if word is None or _CODE_IN_PLACE_OF_WORD.fullmatch(word) or word == "error" else word


def _status_within(said: dict[str, object]) -> int:
    code = said.get("code")
    if isinstance(code, str) and len(code) == 3 and code.isdecimal():
        code = int(code)
    return code if isinstance(code, int) and 400 <= code <= 599 else 0


def _retry_after_s(details: object) -> float | None:
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and str(detail.get("@type")).endswith("RetryInfo"):
            delay = _DELAY.fullmatch(str(detail.get("retryDelay")))
            return float(delay[1]) if delay else None
    return None


def _reason(details: object) -> str | None:
    """Google's `ErrorInfo.reason`."""
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and (reason := _text(detail.get("reason"))):
            return reason
    return None
