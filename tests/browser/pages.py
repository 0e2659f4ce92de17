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
    "guide": "/docs",
    "guide-page": "/docs/base-urls",
    "nothing": "/keys/777",
    "groups": "/admin/groups",
    "group-new": "/admin/groups/new",
    "group": "/admin/groups/2",
    "group-of-a-file": "/admin/groups/3",
    "group-models": "/admin/groups/2/models",
    "group-explain": "/admin/groups/1/models?model=gpt-5",
    "group-delete": "/admin/groups/4/delete",
    "group-in-use": "/admin/groups/1/delete",
    "mappings": "/admin/groups/mappings",
    "prices": "/admin/prices?ended=yes",
    "price-new": "/admin/prices/new?like=1",
    "price-end": "/admin/prices/1/end",
    "plans": "/admin/plans",
    "plan-new": "/admin/plans/new",
    "plan": "/admin/plans/1",
    "plan-in-use": "/admin/plans/1/delete",
    "plan-delete": "/admin/plans/2/delete",
    "subscription-new": "/admin/plans/subscriptions/new",
    "subscription": "/admin/plans/subscriptions/1",
}
OPEN = {"sign-in": "/sign-in", "setup-over": "/setup?token=wrong"}
"""Without a session."""
OPEN |= {
    "landing": "/",
    "guide-open": "/docs",
    "guide-search": "/docs?q=stream",
    "nothing-open": "/nowhere/at/all",
    "guide-errors": "/docs/errors",
    "guide-agents": "/docs/agents",
}


def is_covered(path: str) -> bool:
    """Is there a picture of the page with this route?"""
    shapes = {path.partition("?")[0] for path in (*SIGNED.values(), *OPEN.values())}
    return any(_fits(shape, path) for shape in shapes)


def _fits(shape: str, route: str) -> bool:
    parts, wanted = shape.split("/"), route.split("/")
    return len(parts) == len(wanted) and all(
        want in (part, "{target}") for part, want in zip(parts, wanted, strict=True)
    )


# The first page has other names, for clients.
LOOKED_AT = [page.path for page in PAGES if "GET" in page.methods and not page.path.endswith((".csv", "/api", "/api/"))]
