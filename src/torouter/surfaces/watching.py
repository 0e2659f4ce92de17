"""Who may have the wire view, and of what."""

from __future__ import annotations

from torouter.access.standing import Standing
from torouter.errors import AccessError, RequestError
from torouter.units import Operation

__all__ = ["check_watching"]

_HEADER = "x-torouter-wire"


def check_watching(standing: Standing, operation: Operation | None) -> None:
    """`None`: what is no posted request. Raises `AccessError`, and `RequestError`. Other keys travel with programs,
    which would take frames for an answer, and with people who are not to see what the account's own holder may."""
    if not standing.key.is_session:
        raise AccessError(
            f"`{_HEADER}` is for keys of the portal's playground. Leave it out.",
            type="ACCESS_DENIED",
            code="wire_view_not_allowed",
            param=_HEADER,
        )
    if operation != "chat":
        raise RequestError(
            f"`{_HEADER}` is for posted chat requests only. Leave it out.",
            code="wire_view_not_supported",
            param=_HEADER,
        )
