"""The Anthropic surface. The SDKs add `/v1/messages` to the host root (or to `/api`)."""

from __future__ import annotations

from typing import Final

from torouter.surfaces.endpoint import MOUNTS, Endpoint, endpoint

__all__ = ["ROUTES"]

_ROWS: Final = {
    b"/v1/messages": endpoint("anthropic", "chat"),
    b"/v1/messages/count_tokens": endpoint("anthropic", "count_tokens"),
}

ROUTES: Final[dict[bytes, Endpoint]] = {mount + path: row for mount in MOUNTS for path, row in _ROWS.items()}
"""Paths that are posted to."""
