"""Which pages there are, and whom they are for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from starlette.responses import Response

from torouter.console.portal.views import (
    dashboard,
    keys,
    models,
    playground,
    preferences,
    profile,
    session_key,
    sign_in,
    usage,
)
from torouter.console.portal.visit import Visit

__all__ = ["PAGES", "Page"]

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
PAGES: Final = (
    # Everybody
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
)
