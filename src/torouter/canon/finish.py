"""Why an answer ended, decided in one place for streams and whole answers.

Upstreams' words contradict what they sent: many say `stop` behind tool calls, some say `tool_calls` without one.
Precedence: error > length and filters > tool_calls > stop.
"""

from __future__ import annotations

from torouter.canon.events import Fault, Finish, FinishReason

__all__ = ["settle_finish"]

_YIELDING: frozenset[FinishReason] = frozenset({"stop", "stop_sequence", "tool_calls"})


def settle_finish(
    reason: FinishReason | None,
    raw: str,
    *,
    has_content: bool,
    has_calls: bool,
    stop_sequence: str | None = None,
    explanation: str | None = None,
    details: bytes = b"",
) -> Finish | Fault:
    """`reason` is `None` for a word that the dialect does not know: then content makes it `stop`, nothing an error."""
    settled = reason
    if has_calls and (reason is None or reason in _YIELDING):
        settled = "tool_calls"
    elif reason is None or (reason == "tool_calls" and not has_calls):
        if not has_content:
            return Fault(
                kind="upstream_fault",
                message=f"the upstream ended its answer with `{raw}` and sent no content",
                code="upstream_malformed",
            )
        settled = "stop"
    assert settled is not None
    return Finish(
        reason=settled,
        raw=raw,
        stop_sequence=stop_sequence if settled == "stop_sequence" else None,
        explanation=explanation,
        details=details,
        is_known=reason is not None,
    )
