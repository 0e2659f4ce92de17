"""How an answer of status 200 turns out to be none, as errors that another channel may be asked after."""

from __future__ import annotations

from torouter.codecs import UpstreamFault, read_error
from torouter.errors import Phase, UpstreamError
from torouter.wire.upstream import Response

__all__ = ["broken", "empty", "fault_in", "malformed", "truncated"]


def empty(response: Response) -> UpstreamError:
    return _error("The upstream's answer is empty.", response, "upstream_empty")


def malformed(response: Response, body: bytes) -> UpstreamError:
    """`body` is what it said instead."""
    return _error(
        "The upstream's answer is not in the form that it has to be in.", response, "upstream_malformed", body
    )


def truncated(response: Response) -> UpstreamError:
    return _error("The upstream's stream ended before its answer did.", response, "upstream_truncated")


def fault_in(said: bytes, response: Response) -> UpstreamError:
    """The upstream's own error, in a stream."""
    return broken(read_error(200, said), response, said, "stream")


def broken(fault: UpstreamFault, response: Response, body: bytes, phase: Phase) -> UpstreamError:
    return UpstreamError(
        fault.message,
        phase=phase,
        upstream_status=response.status,
        body=body,
        kind=fault.kind,
        code=fault.code,
        param=fault.param,
        retry_after_s=fault.retry_after_s,
    )


def _error(message: str, response: Response, code: str, body: bytes = b"") -> UpstreamError:
    is_stream = response.header(b"content-type").lower().startswith(b"text/event-stream")
    phase: Phase = "stream" if is_stream else "body"
    return UpstreamError(message, phase=phase, upstream_status=response.status, code=code, body=body)
