"""The exception tree. Classes carry facts as attributes; nobody parses a message to learn what happened.

    TorouterError
    ├── ConfigError          a file or option the operator gave is wrong (start-up only)
    ├── StoreError           the store is unusable: newer schema, locked, not writable
    ├── RequestError         400, 404, 405, 408, 413, 415, 426, 431: the request itself
    ├── AuthError            401: who are you
    ├── AccessError          402, 403: known, but not allowed
    ├── LimitError           429, 503: allowed, but not now (`retry_after_s`)
    ├── RoutingError         404, 502, 503: no channel can or could serve it
    ├── UpstreamError        what an upstream did, and in which phase
    └── InternalError        500: a fault of our own; the cause is logged, never shown

`kind` is the dialect-neutral word that every codec renders in its own vocabulary (`render_error`).
`type` is ToRouter's own code from the error catalogue; it wins over the dialect's word where it is set.
"""

from __future__ import annotations

from typing import Literal

__all__ = [
    "AccessError",
    "AuthError",
    "ConfigError",
    "ErrorKind",
    "InternalError",
    "LimitError",
    "Phase",
    "RequestError",
    "RoutingError",
    "StoreError",
    "TorouterError",
    "UpstreamError",
]

ErrorKind = Literal[
    "bad_request",
    "context_length",
    "content_policy",
    "authentication",
    "billing",
    "forbidden",
    "not_found",
    "conflict",
    "too_large",
    "rate_limit",
    "client_gone",
    "upstream_fault",
    "overloaded",
    "timeout",
    "internal",
]

Phase = Literal["connect", "send", "head", "body", "stream"]
"""Where an upstream failed: before a connection stood, while the request was written, before the response head,
within a whole body, within a stream that had begun."""

_STATUS: dict[ErrorKind, int] = {
    "bad_request": 400,
    "context_length": 400,
    "content_policy": 400,
    "authentication": 401,
    "billing": 402,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "too_large": 413,
    "rate_limit": 429,
    "client_gone": 499,
    "internal": 500,
    "upstream_fault": 502,
    "overloaded": 503,
    "timeout": 504,
}


class TorouterError(Exception):
    """The root. `status` is the HTTP status a caller sees, `param` the path of the field at fault.

    `is_terminal`: asking again is of no use until somebody changes something."""

    kind: ErrorKind = "internal"
    is_terminal = False

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind | None = None,
        status: int | None = None,
        type: str | None = None,  # noqa: A002
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind or self.kind
        self.status = status or _STATUS[self.kind]
        self.type = type
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s


class ConfigError(TorouterError):
    """Something the operator wrote; the message names file, line and what was expected."""


class StoreError(TorouterError):
    """The store cannot be used as it is; the message says what to do."""


class RequestError(TorouterError):
    kind = "bad_request"


class AuthError(TorouterError):
    kind = "authentication"


class AccessError(TorouterError):
    kind = "forbidden"


class LimitError(TorouterError):
    kind = "rate_limit"

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind | None = None,
        status: int | None = None,
        type: str | None = None,  # noqa: A002
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
        is_terminal: bool = False,
    ) -> None:
        super().__init__(
            message, kind=kind, status=status, type=type, code=code, param=param, retry_after_s=retry_after_s
        )
        self.is_terminal = is_terminal


class RoutingError(TorouterError):
    kind = "overloaded"


class InternalError(TorouterError):
    kind = "internal"


class UpstreamError(TorouterError):
    """An upstream's failure. `upstream_status` is 0 where no response head came; `body` is what it said, raw."""

    kind = "upstream_fault"

    def __init__(
        self,
        message: str,
        *,
        phase: Phase,
        upstream_status: int = 0,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        body: bytes = b"",
        kind: ErrorKind | None = None,
        status: int | None = None,
        type: str | None = None,  # noqa: A002
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(
            message, kind=kind, status=status, type=type, code=code, param=param, retry_after_s=retry_after_s
        )
        self.phase: Phase = phase
        self.upstream_status = upstream_status
        self.headers = headers
        self.body = body
