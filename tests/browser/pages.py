"""Every page there is to look at, by its name and path."""

from __future__ import annotations

from tests.console.admin.desk import entry
from torouter.console.portal import PAGES

__all__ = ["LOOKED_AT", "OPEN", "SIGNED", "is_covered"]

REQUEST = entry(0).usage.request_id

SIGNED = {
    "dashboard": "/dashboard",
    "dashboard-30": "/dashboard?days=30",
    "keys": "/keys",
    "key-new": "/keys/new",
    "key": "/keys/2",
    "key-delete": "/keys/2/delete",
    "key-try": "/keys/2/try",
    "key-try-passes": "/keys/2/try?model=gpt-5",
    "key-try-refused": "/keys/2/try?model=claude-opus-4-7",
    "key-rotate": "/keys/2/rotate",
    "usage": "/usage",
    "usage-ever": "/usage?since=2020-01-01&outcome=upstream_error",
    "request": f"/usage/{REQUEST}",
    "models": "/models",
    "playground": "/playground",
    "models-vision": "/models?sort=vision&search=claude",
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
    "channels": "/admin/channels",
    "channel-new": "/admin/channels/new",
    "channel": "/admin/channels/1",
    "channel-with-keys": "/admin/channels/2",
    "channel-declared": "/admin/channels/declared?name=house",
    "channel-delete": "/admin/channels/2/delete",
    "credential-new": "/admin/channels/2/credentials",
    "credential": "/admin/channels/2/credentials/1",
    "credential-remove": "/admin/channels/2/credentials/1/remove",
    "operator": "/admin",
    "traffic": "/admin/traffic",
    "traffic-none": "/admin/traffic?model=nothing",
    "accounts": "/admin/accounts",
    "accounts-none": "/admin/accounts?text=nobody",
    "account-new": "/admin/accounts/new",
    "account": "/admin/accounts/2",
    "account-own": "/admin/accounts/1",
    "account-delete": "/admin/accounts/2/delete",
    "account-money": "/admin/accounts/2/money",
    "account-key-new": "/admin/accounts/2/keys/new",
    "account-key-delete": "/admin/accounts/2/keys/3/delete",
    "requests": "/admin/requests",
    "requests-none": "/admin/requests?id=req_nothing",
    "request-any": f"/admin/requests/{REQUEST}",
    "audit": "/admin/audit",
    "settings": "/admin/settings",
    "token-revoke": "/admin/settings/tokens/1/revoke",
}
OPEN = {
    "sign-in": "/sign-in",
    "setup-over": "/setup?token=wrong",
    "landing": "/",
    "guide-open": "/docs",
    "guide-search": "/docs?q=stream",
    "nothing-open": "/nowhere/at/all",
    "guide-errors": "/docs/errors",
    "guide-agents": "/docs/agents",
}
"""Without a session."""


def is_covered(path: str) -> bool:
    """Is there a picture of the page with this route?"""
    shapes = {path.partition("?")[0] for path in (*SIGNED.values(), *OPEN.values())}
    return any(_fits(shape, path) for shape in shapes)


def _fits(shape: str, route: str) -> bool:
    parts, wanted = shape.split("/"), route.split("/")
    return len(parts) == len(wanted) and all(
        want in (part, "{target}", "{part}") for part, want in zip(parts, wanted, strict=True)
    )


# The first page has other names, for clients.
_NOT_LOOKED_AT = (".csv", ".json", "/api", "/api/")
LOOKED_AT = [page.path for page in PAGES if "GET" in page.methods and not page.path.endswith(_NOT_LOOKED_AT)]
