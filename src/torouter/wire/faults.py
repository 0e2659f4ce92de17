"""What can go wrong with an upstream's socket, TLS session, name or grammar, in our words: the one border where the
exceptions of `socket`, `ssl`, `asyncio` and `httptools` become `UpstreamError`.

A message names the upstream's host and what happened, never a header, a path or a secret.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, replace
from typing import Final, Literal

from httptools import HttpParserError, HttpParserUpgrade

from torouter.errors import ErrorKind, Phase, UpstreamError
from torouter.wire.upstream import Headers

__all__ = ["Fault", "FaultCode", "fault_of", "lost"]

FaultCode = Literal[
    "upstream_connect_failed",
    "upstream_connect_refused",
    "upstream_connect_timeout",
    "upstream_connect_unknown",
    "upstream_no_answer",
    "upstream_first_token_timeout",
    "upstream_idle_timeout",
    "upstream_total_timeout",
    "upstream_tls",
    "upstream_reset",
    "upstream_malformed",
]
"""What is told apart of failures below an answer's meaning. Each deadline has its own."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happened, before it is known in which phase the caller stood."""

    what: str
    kind: ErrorKind = "upstream_fault"
    code: FaultCode = "upstream_reset"

    def error(self, host: str, phase: Phase, status: int = 0, headers: Headers | None = None) -> UpstreamError:
        """`status` and `headers` are those of the response head, if one came."""
        is_unopened = phase == "connect" and self.code == "upstream_reset"
        return UpstreamError(
            f"{host}: {self.what}",
            phase=phase,
            kind=self.kind,
            code="upstream_connect_failed" if is_unopened else self.code,
            upstream_status=status,
            headers=tuple(headers or ()),
        )


_WORDS: Final[tuple[tuple[type[BaseException], str, ErrorKind, FaultCode], ...]] = (
    (socket.gaierror, "the host name cannot be resolved", "upstream_fault", "upstream_connect_unknown"),
    (ssl.SSLCertVerificationError, "the TLS certificate is not accepted", "upstream_fault", "upstream_tls"),
    (ssl.SSLError, "the TLS session failed", "upstream_fault", "upstream_tls"),
    (TimeoutError, "the connection timed out", "timeout", "upstream_connect_timeout"),
    (ConnectionRefusedError, "the connection was refused", "upstream_fault", "upstream_connect_refused"),
    (ConnectionError, "the connection was reset", "upstream_fault", "upstream_reset"),
    (HttpParserUpgrade, "it switched protocols without being asked", "upstream_fault", "upstream_malformed"),
    (HttpParserError, "the answer is not valid HTTP/1.1", "upstream_fault", "upstream_malformed"),
    (UnicodeError, "the host name is not valid", "upstream_fault", "upstream_connect_unknown"),
    (OSError, "the network failed", "upstream_fault", "upstream_connect_failed"),
)
"""The first row that fits wins, so subclasses stand before their parents (all but the parser's are `OSError`s)."""


def fault_of(exc: BaseException | None) -> Fault:
    """The fault behind an exception; `None` is asyncio's word for a connection that ended without one."""
    if exc is None:
        return Fault("the connection was closed before the answer was whole")
    for kind_of_error, words, kind, code in _WORDS:
        if isinstance(exc, kind_of_error):
            detail = _detail(exc)
            return Fault(f"{words} ({detail})" if detail else words, kind, code)
    return Fault(f"the connection failed ({type(exc).__name__})")


def lost(exc: Exception | None) -> Fault:
    """The fault of a connection that stood: whatever it was that ended it, it was not the opening."""
    fault = fault_of(exc)
    return replace(fault, code="upstream_reset") if fault.code.startswith("upstream_connect") else fault


def _detail(exc: BaseException) -> str:
    """The library's own short reason, where it is free of what was sent: OpenSSL's, llhttp's, the system's."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return _text_of(exc, "verify_message").rstrip(".")
    if isinstance(exc, ssl.SSLError):
        return _text_of(exc, "reason").replace("_", " ").lower()
    if isinstance(exc, HttpParserError):
        return str(exc)
    if type(exc) is OSError:
        return exc.strerror or ""
    return ""


def _text_of(exc: ssl.SSLError, attribute: str) -> str:
    """OpenSSL's errors have their attributes only if OpenSSL made them; asyncio makes some of its own."""
    return str(getattr(exc, attribute, None) or "")
