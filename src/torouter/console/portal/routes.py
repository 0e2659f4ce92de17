"""Which pages there are, and whom they are for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from starlette.responses import Response

from torouter.console.portal.views import (
    dashboard,
    guide,
    key_try,
    keys,
    models,
    playground,
    preferences,
    profile,
    session_key,
    sign_in,
    usage,
)
from torouter.console.portal.views.operator import (
    account_parts,
    accounts,
    audit,
    channel_tryouts,
    channels,
    credentials,
    groups,
    mappings,
    plans,
    prices,
    requests,
    settings,
    subscriptions,
    traffic,
)
from torouter.console.portal.visit import Visit

__all__ = ["NOWHERE", "PAGES", "Page"]

Who = Literal["anyone", "signed", "admin"]


@dataclass(frozen=True, slots=True)
class Page:
    """`handle` blocks. `is_slow`: it looks at passwords. `is_long`: it waits for an upstream, or for what
    is on its way to the store."""

    path: str
    handle: Callable[[Visit], Response]
    methods: tuple[str, ...] = ("GET",)
    who: Who = "signed"
    is_slow: bool = False
    is_long: bool = False


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
    Page("/keys/check", key_try.check_key, ("POST",)),
    Page("/keys/{target}", keys.edit_key, _BOTH),
    Page("/keys/{target}/try", key_try.try_key),
    Page("/keys/{target}/status", keys.set_status, ("POST",)),
    Page("/keys/{target}/rotate", keys.rotate_key, _BOTH),
    Page("/keys/{target}/delete", keys.delete_key, _BOTH),
    Page("/usage", usage.list_usage),
    Page("/usage.csv", usage.export_usage),
    Page("/usage/{target}", usage.show_request, is_long=True),
    Page("/models", models.list_models),
    Page("/model", models.show_model),
    Page("/playground", playground.playground),
    Page("/playground/models.json", playground.find_models),
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
    # Operators: channels
    Page("/admin/channels", channels.list_channels, who="admin"),
    Page("/admin/channels/new", channels.create_channel, _BOTH, "admin"),
    Page("/admin/channels/declared", channels.show_declared, who="admin"),
    Page("/admin/channels/declared/test", channel_tryouts.test_declared, ("POST",), "admin", is_long=True),
    Page("/admin/channels/declared/reset", channel_tryouts.reset_declared, ("POST",), "admin"),
    Page("/admin/channels/{target}", channels.edit_channel, _BOTH, "admin"),
    Page("/admin/channels/{target}/status", channels.set_status, ("POST",), "admin"),
    Page("/admin/channels/{target}/delete", channels.delete_channel, _BOTH, "admin"),
    Page("/admin/channels/{target}/test", channel_tryouts.test_channel, ("POST",), "admin", is_long=True),
    Page("/admin/channels/{target}/reset", channel_tryouts.reset_channel, ("POST",), "admin"),
    Page("/admin/channels/{target}/credentials", credentials.add_credential, _BOTH, "admin"),
    Page("/admin/channels/{target}/credentials/{part}", credentials.edit_credential, _BOTH, "admin"),
    Page("/admin/channels/{target}/credentials/{part}/remove", credentials.remove_credential, _BOTH, "admin"),
    # Operators: who uses it, and what goes through
    Page("/admin", traffic.operators_home, who="admin"),
    Page("/admin/traffic", traffic.show_traffic, who="admin"),
    Page("/admin/traffic.json", traffic.poll_traffic, who="admin"),
    Page("/admin/accounts", accounts.list_accounts, who="admin"),
    Page("/admin/accounts/new", accounts.create_account, _BOTH, "admin"),
    Page("/admin/accounts/{target}", accounts.show_account, _BOTH, "admin"),
    Page("/admin/accounts/{target}/status", accounts.set_account_status, ("POST",), "admin"),
    Page("/admin/accounts/{target}/delete", accounts.delete_account, _BOTH, "admin"),
    Page("/admin/accounts/{target}/money", account_parts.account_money, _BOTH, "admin"),
    Page("/admin/accounts/{target}/password", account_parts.set_password, ("POST",), "admin", is_slow=True),
    Page("/admin/accounts/{target}/sessions", account_parts.end_sessions, ("POST",), "admin"),
    Page("/admin/accounts/{target}/keys/new", account_parts.make_account_key, _BOTH, "admin"),
    Page("/admin/accounts/{target}/keys/{part}/status", account_parts.set_key_status, ("POST",), "admin"),
    Page("/admin/accounts/{target}/keys/{part}/delete", account_parts.delete_account_key, _BOTH, "admin"),
    Page("/admin/requests", requests.find_requests, who="admin"),
    Page("/admin/requests/{target}", requests.show_any_request, who="admin", is_long=True),
    Page("/admin/audit", audit.list_audit, who="admin"),
    Page("/admin/settings", settings.show_settings, who="admin"),
    Page("/admin/settings/tokens", settings.make_token, ("POST",), "admin"),
    Page("/admin/settings/tokens/{target}/revoke", settings.revoke_token, _BOTH, "admin"),
)
