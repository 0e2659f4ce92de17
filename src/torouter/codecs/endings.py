"""How answers end badly, for the decoders of all dialects: an upstream's error, nonsense, silence."""

from __future__ import annotations

from torouter.canon.events import Fault
from torouter.codecs.faults import read_error

__all__ = ["fault_in", "malformed", "truncated"]


def fault_in(body: bytes) -> Fault:
    """An error that came in the place of an answer, or within a stream: the upstream's words and code. Its word for the
    kind is left behind, for the client's dialect has its own."""
    said = read_error(200, body)
    return Fault(
        kind=said.kind,
        message=said.message,
        code=said.code,
        param=said.param,
        retry_after_s=said.retry_after_s,
    )


def malformed(message: str) -> Fault:
    return Fault(kind="upstream_fault", message=message, code="upstream_malformed")


def truncated() -> Fault:
    """Bytes that ended without the dialect's terminal marker are never a whole answer."""
    return Fault(
        kind="upstream_fault",
        message="the upstream ended its answer in the middle, without saying that it is complete",
        code="upstream_truncated",
    )
