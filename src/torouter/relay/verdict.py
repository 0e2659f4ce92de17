"""What to do about a failed attempt, as one table: ask the next channel, or let its answer be the answer.

- An attempt that brought no answer, or broke off before anything was given to the client, goes to the next channel.
- A client that left is not a failed upstream, and never comes here (the attempt is cancelled).
- A refusal by our own guards never comes here either: it is never retried.
- Nothing is tried again once a byte has gone to the client.
"""

from __future__ import annotations

from typing import Final

from torouter.errors import ErrorKind, UpstreamError

__all__ = ["exhausted", "is_channels_fault", "may_try_next"]

_CHANNEL_AT_FAULT: Final[dict[int, str]] = {
    401: "its credential was revoked",
    402: "its credit is spent",
    403: "it is banned; a content-policy 403 is told apart by its body",
    408: "it gave up waiting",
    429: "it is rate limited",
}
_REQUEST_AT_FAULT: Final[frozenset[ErrorKind]] = frozenset({"bad_request", "context_length", "too_large"})
"""Another channel would say the same."""
_KEPT_BY_ANOTHER: Final = frozenset({"previous_response_not_found", "invalid_encrypted_content"})
"""Codes of upstreams that keep state or encrypt it: another account of the same vendor may know what this one does
not."""


def may_try_next(error: UpstreamError) -> bool:
    """`upstream_status` is 0 where no answer came, and below 400 where an answer broke off or turned out an error."""
    if error.code in _KEPT_BY_ANOTHER:
        return True
    if error.kind in _REQUEST_AT_FAULT:
        return False
    status = error.upstream_status
    return status < 400 or status >= 500 or status in _CHANNEL_AT_FAULT


def is_channels_fault(error: UpstreamError) -> bool:
    """Of an attempt that goes on to the next channel: should this one be left alone for a while?"""
    return error.code not in _KEPT_BY_ANOTHER


def exhausted(last: UpstreamError) -> UpstreamError:
    """What the caller is told when every candidate has failed: 429 with its `Retry-After` and 504 stay what they are,
    everything else is 502. The upstream's own words are kept; they never name credentials or addresses of ours."""
    if last.code in _KEPT_BY_ANOTHER:
        return last
    is_kept = last.kind in ("rate_limit", "timeout")
    return UpstreamError(
        f"The service is temporarily unavailable: {last.message}",
        phase=last.phase,
        upstream_status=last.upstream_status,
        kind=last.kind if is_kept else "upstream_fault",
        type=None if is_kept else "upstream_unavailable",
        code=last.code if is_kept else None,
        retry_after_s=last.retry_after_s,
    )
