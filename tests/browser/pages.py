"""Every page there is to look at, by its name and path."""

from __future__ import annotations

from tests.console.admin.desk import entry
from torouter.console.portal import PAGES

__all__ = ["OPEN", "SIGNED"]

REQUEST = entry(0).usage.request_id

SIGNED = {
    "dashboard": "/dashboard",
    "dashboard-30": "/dashboard?days=30",
    "keys": "/keys",
    "key-new": "/keys/new",
    "key": "/keys/2",
    "key-delete": "/keys/2/delete",
    "key-rotate": "/keys/2/rotate",
    "usage": "/usage",
    "request": f"/usage/{REQUEST}",
    "models": "/models",
    "playground": "/playground",
    "model": "/model?name=claude-opus-4-7",
    "profile": "/profile",
    "nothing": "/keys/777",
}
OPEN = {"sign-in": "/sign-in", "setup-over": "/setup?token=wrong"}
"""Without a session."""


def is_covered(path: str) -> bool:
    """Is there a picture of the page with this route?"""
    shapes = {path.partition("?")[0] for path in (*SIGNED.values(), *OPEN.values())}
    return any(_fits(shape, path) for shape in shapes)


def _fits(shape: str, route: str) -> bool:
    parts, wanted = shape.split("/"), route.split("/")
    return len(parts) == len(wanted) and all(
        want in (part, "{target}") for part, want in zip(parts, wanted, strict=True)
    )


LOOKED_AT = [page.path for page in PAGES if "GET" in page.methods and not page.path.endswith(".csv")]
