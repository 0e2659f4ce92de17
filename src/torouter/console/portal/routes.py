"""Which pages there are, and whom they are for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from starlette.responses import Response

from torouter.console.portal.views import (
    dashboard,
    guide,
    keys,
    models,
    playground,
    preferences,
    profile,
    session_key,
    sign_in,
    usage,
)
from torouter.console.portal.views.operator import groups, mappings, plans, prices, subscriptions
from torouter.console.portal.visit import Visit

__all__ = ["NOWHERE", "PAGES", "Page"]

Who = Literal["anyone", "signed", "admin"]


@dataclass(frozen=True, slots=True)
class Page:
    """`handle` blocks. `is_slow`: it looks at passwords."""

    path: str
    handle: Callable[[Visit], Response]
    methods: tuple[str, ...] = ("GET",)
    who: Who = "signed"
    is_slow: bool = False


_BOTH: Final = ("GET", "POST")
NOWHERE: Final = Page("/{path:path}", guide.nothing_here, who="anyone")
"""Of all addresses that have no page: not among the routes, for not everybody who asks for them is shown one."""
PAGES: Final = (
    # Everybody
    Page("/", guide.landing, who="anyone"),
    Page(
        "/api", guide.landing, who="anyone"
    ),  # what a client asks first whose base URL ends in /api (Claude Code's HEAD)
    Page("/api/", guide.landing, who="anyone"),
    Page("/docs", guide.list_pages, who="anyone"),
    Page("/docs/{target}", guide.show_page, who="anyone"),
    Page("/sign-in", sign_in.sign_in, _BOTH, "anyone", is_slow=True),
    Page("/setup", sign_in.set_up, _BOTH, "anyone", is_slow=True),
    Page("/sign-out", sign_in.sign_out, ("POST",)),
    Page("/preferences", preferences.choose, ("POST",), "anyone"),
    # Who is signed in, of what is theirs
    Page("/dashboard", dashboard.dashboard),
    Page("/keys", keys.list_keys),
    Page("/keys/new", keys.create_key, _BOTH),
    Page("/keys/{target}", keys.edit_key, _BOTH),
    Page("/keys/{target}/status", keys.set_status, ("POST",)),
    Page("/keys/{target}/rotate", keys.rotate_key, _BOTH),
    Page("/keys/{target}/delete", keys.delete_key, _BOTH),
    Page("/usage", usage.list_usage),
    Page("/usage.csv", usage.export_usage),
    Page("/usage/{target}", usage.show_request),
    Page("/models", models.list_models),
    Page("/model", models.show_model),
    Page("/playground", playground.playground),
    Page("/profile", profile.profile, _BOTH),
    Page("/profile/password", profile.change_password, ("POST",), is_slow=True),
    Page("/playground/key", session_key.open_key, ("POST",)),
    # The operator, of what is everybody's
    Page("/admin/groups", groups.list_groups, who="admin"),
    Page("/admin/groups/new", groups.create_group, _BOTH, "admin"),
    Page("/admin/groups/mappings", mappings.list_mappings, who="admin"),
    Page("/admin/groups/{target}", groups.edit_group, _BOTH, "admin"),
    Page("/admin/groups/{target}/models", mappings.show_reach, who="admin"),
    Page("/admin/groups/{target}/delete", groups.delete_group, _BOTH, "admin"),
    Page("/admin/prices", prices.list_prices, who="admin"),
    Page("/admin/prices/new", prices.add_price, _BOTH, "admin"),
    Page("/admin/prices/{target}/end", prices.end_price, _BOTH, "admin"),
    Page("/admin/plans", plans.list_plans, who="admin"),
    Page("/admin/plans/new", plans.create_plan, _BOTH, "admin"),
    Page("/admin/plans/{target}", plans.edit_plan, _BOTH, "admin"),
    Page("/admin/plans/{target}/delete", plans.delete_plan, _BOTH, "admin"),
    Page("/admin/plans/subscriptions/new", subscriptions.subscribe, _BOTH, "admin"),
    Page("/admin/plans/subscriptions/{target}", subscriptions.edit_subscription, _BOTH, "admin"),
    Page("/admin/plans/subscriptions/{target}/status", subscriptions.set_status, ("POST",), "admin"),
)
